/** The agent console, from the token to the page. */

import { DibsClient, IndexedOutbox } from "../../dibs-client.js";
import "../part/theme.js";
import { onLanguage, t } from "../part/locale.js";
import { Alert } from "./alert.js";
import "./console.js";
import { Desk } from "./desk.js";
import "./sign-in.js";
import { chatInAddress, dropToken, keepToken, read, takeToken } from "./token.js";

let desk;
let shown;

function begin() {
  const wanted = chatInAddress();
  const token = takeToken();
  end();
  const found = token && read(token);
  if (!found) ask({ why: token ? 4001 : undefined, token });
  else if (found.role === "user") ask({ why: undefined, token });
  else open(token, found, wanted);
}

function end() {
  desk?.client.stop();
  desk?.end();
  desk = undefined;
}

function ask(why) {
  const form = document.createElement("dibs-sign-in");
  document.body.replaceChildren(form);
  document.title = t("console");
  shown = () => form.ask({ ...why, done: (token) => (keepToken(token), begin()) });
  shown();
}

function open(token, { id, role }, wanted) {
  const person = { id, role, key: `agent ${id}` };
  const url = new URL("../../ws", import.meta.url);
  url.protocol = url.protocol.replace("http", "ws");
  const client = new DibsClient({ url: url.href, token, outbox: new IndexedOutbox(person.key) });
  const own = (desk = new Desk(client, person));
  const alert = (own.alert = new Alert(own));
  const show = () => {
    const page = document.createElement("dibs-console");
    page.begin(own, alert);
    document.body.replaceChildren(page);
  };
  client.on("state", ({ state, code }) => {
    if (state !== "closed" || desk !== own || code === undefined) return;
    end();
    dropToken();
    ask({ why: code, token });
  });
  own.on("signOut", () => signOut(own));
  shown = show;
  show();
  client.start();
  client.ready().then(
    () => wanted && desk === own && own.client.held.find(wanted.store, wanted.user) && own.open(own.client.held.find(wanted.store, wanted.user)),
    () => {},
  );
}

/** A shared computer forgets: what is not sent yet too, so whoever has something there is asked first. */
async function signOut(own) {
  if (own.client.waiting.length && !(await new Promise((answer) => own.ask("confirmSignOut", answer)))) return;
  own.drafts.clear();
  own.refusals.clear();
  own.notices.clear();
  dropToken();
  history.replaceState(null, "", location.pathname);
  await own.client.forget();
  begin();
}

onLanguage(() => shown());
addEventListener("hashchange", () => new URLSearchParams(location.hash.slice(1)).has("token") && begin());
begin();
