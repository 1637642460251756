/** Elements without markup, as the widget makes them, and attributes that are changed only where they differ. */

export { el, say } from "../../dibs-draw.js";

/** Sets an attribute only where it differs; false and null take it away. */
export function mark(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}
