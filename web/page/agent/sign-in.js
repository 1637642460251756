/** `<dibs-sign-in>`: asks for a token, and says why the last one was no good. */

import { el } from "../part/element.js";
import { t } from "../part/locale.js";
import { clock } from "../part/time.js";
import { read } from "./token.js";

export class SignIn extends HTMLElement {
  /** `why` is the close code with which the server ended it, if it did; `title` is the page's; `done(token)` goes on. */
  ask({ why, token, title, done }) {
    this._done = done;
    const end = token && read(token)?.end;
    const words = why === undefined ? "" : end && end < Date.now() ? t("tokenExpired", { at: clock(end) }) : reason(why);
    const problem = el("p", { class: "problem", role: "alert", id: "sign-in-problem", hidden: !words }, words);
    const input = el("input", {
      id: "token",
      type: "password",
      name: "token",
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "sign-in-problem sign-in-hint",
      "aria-invalid": words ? "true" : null,
    });
    const form = el(
      "form",
      { class: "sign-in", onsubmit: (event) => this._submit(event, input, problem) },
      el("h1", {}, title),
      el("p", { id: "sign-in-hint" }, t("signInHint")),
      problem,
      el("label", { for: "token" }, t("token")),
      input,
      el("button", { class: "primary", type: "submit" }, t("signIn")),
    );
    this.replaceChildren(el("main", { class: "sign-in-page" }, form));
    input.focus();
  }

  _submit(event, input, problem) {
    event.preventDefault();
    const token = input.value.trim();
    const found = read(token);
    if (found && found.role !== "user") {
      this._done(token);
      return;
    }
    problem.textContent = found ? t("tokenOfShopper") : t("tokenIsNone");
    problem.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
}

function reason(code) {
  if (code === 4001) return t("tokenRefused");
  if (code === 4003) return t("withdrawn");
  return t("sentAway", { code });
}

customElements.define("dibs-sign-in", SignIn);
