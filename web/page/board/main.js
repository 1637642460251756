/** The board of supervisors, from the token to the page. */

import "../part/theme.js";
import { enter } from "../agent/entrance.js";
import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { learn, t } from "../part/locale.js";
import { Board } from "./board.js";
import "./page.js";
import { EN } from "./word-en.js";
import { ZH } from "./word-zh.js";

learn({ en: EN, "zh-CN": ZH });

enter({
  title: "board",
  open(client, person) {
    const desk = new Board(client, person);
    const page = () => {
      const made = document.createElement("dibs-board");
      made.begin(desk);
      return made;
    };
    return { desk, page };
  },
  refuse: ({ id, role }, again) => (role === "supervisor" ? undefined : refused(id, again)),
});

/** An agent is told what it is, and where its own page is. */
function refused(id, again) {
  return el(
    "main",
    { class: "sign-in-page" },
    el(
      "section",
      { class: "sign-in not-yours", role: "alert" },
      icon("lock", "icon huge"),
      el("h1", {}, t("forSupervisors")),
      el("p", {}, t("forSupervisorsHint", { id })),
      el("a", { class: "primary", href: "agent" }, t("toConsole")),
      el("button", { class: "quiet", type: "button", onclick: again }, t("anotherToken")),
    ),
  );
}
