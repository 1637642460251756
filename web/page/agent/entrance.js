/** From the token to the page: asks for one where there is none, says why it was no good, forgets it when somebody signs out. */

import { DibsClient, IndexedOutbox } from "../../dibs-client.js";
import { onLanguage, t } from "../part/locale.js";
import "./sign-in.js";
import { chatInAddress, dropToken, keepToken, read, takeToken } from "./token.js";

/**
 * `title` is the key of the page's name. `open(client, person)` gives `{desk, page}`: what somebody has before it, and what makes the element
 * that shows it. `refuse(person, again)` may give an element for whoever is no one to open it for; `again` asks for another token.
 */
export function enter({ title, open, refuse = () => undefined }) {
  let desk;
  let shown;

  function show(page) {
    shown = () => document.body.replaceChildren(page());
    shown();
  }

  function end() {
    desk?.end();
    desk = undefined;
  }

  function ask(why) {
    const form = document.createElement("dibs-sign-in");
    document.body.replaceChildren(form);
    document.title = t(title);
    shown = () => form.ask({ ...why, title: t(title), done: (token) => (keepToken(token), begin()) });
    shown();
  }

  function begin() {
    const wanted = chatInAddress();
    const token = takeToken();
    end();
    const found = token && read(token);
    if (!found) ask({ why: token ? 4001 : undefined, token });
    else if (found.role === "user") ask({ why: undefined, token });
    else go(token, { id: found.id, role: found.role, key: `agent ${found.id}` }, wanted);
  }

  function go(token, person, wanted) {
    const again = () => (dropToken(), begin());
    if (refuse(person, again)) {
      document.title = t(title);
      show(() => refuse(person, again));
      return;
    }
    const url = new URL("../../ws", import.meta.url);
    url.protocol = url.protocol.replace("http", "ws");
    const client = new DibsClient({ url: url.href, token, outbox: new IndexedOutbox(person.key) });
    const made = open(client, person);
    const own = (desk = made.desk);
    client.on("state", ({ state, code }) => {
      if (state !== "closed" || desk !== own || code === undefined) return;
      end();
      dropToken();
      ask({ why: code, token });
    });
    own.on("signOut", () => signOut(own));
    show(made.page);
    client.start();
    client.ready().then(
      () => wanted && desk === own && client.held.find(wanted.store, wanted.user) && own.open(client.held.find(wanted.store, wanted.user)),
      () => {},
    );
  }

  /** A shared computer forgets: what is not sent yet too, so whoever has something there is asked first. */
  async function signOut(own) {
    const isUnsent = own.client.waiting.some(({ frame }) => !own.isQuestion(frame));
    if (isUnsent && !(await new Promise((answer) => own.ask("confirmSignOut", answer)))) return;
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
}
