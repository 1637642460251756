/** Products and orders as cards. What people wrote becomes text, and an address only if it is a safe one. */

import { safe } from "../part/address.js";
import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { money } from "../part/locale.js";

export function card({ kind, body }) {
  const isProduct = kind === "product";
  const url = safe(body.url);
  const price = isProduct ? body.price : body.total;
  const picture = isProduct && safe(body.image);
  const face = el("span", { class: "card-face" });
  const drawn = icon(isProduct ? "store" : "order");
  face.append(picture ? el("img", { src: picture, alt: "", loading: "lazy", referrerpolicy: "no-referrer", onerror: () => face.replaceChildren(drawn) }) : drawn);
  const parts = [
    face,
    el(
      "span",
      { class: "card-words" },
      el("strong", {}, isProduct ? String(body.title) : String(body.number)),
      el("span", { class: "card-sub" }, isProduct ? String(body.sku) : String(body.status ?? "")),
      price === undefined || price === null ? null : el("span", { class: "card-price" }, money(price, body.currency)),
    ),
  ];
  return url ? el("a", { class: "card", href: url, target: "_blank", rel: "noopener noreferrer" }, parts) : el("div", { class: "card" }, parts);
}
