/** The agent console, from the token to the page. */

import "../part/theme.js";
import { Alert } from "./alert.js";
import "./console.js";
import { Desk } from "./desk.js";
import { enter } from "./entrance.js";

enter({
  title: "console",
  open(client, person) {
    const desk = new Desk(client, person);
    const alert = (desk.alert = new Alert(desk));
    const page = () => {
      const made = document.createElement("dibs-console");
      made.begin(desk, alert);
      return made;
    };
    return { desk, page };
  },
});
