/** The shop of `--demo`: a few products and the widget, and the agents' consoles to open beside it. */

import "/widget.js";

const STORE = "demo";
const KEPT = "dibs.language";
const WORDS = {
  en: {
    shop: "A small shop",
    language: "中文",
    goods: "Goods",
    pick: "You are a shopper. Ask about one of them, or press the round button at the bottom right.",
    ask: "Ask about it",
    bought: "You have bought here before:",
    askOrder: "Ask about this order",
    play: "The other side",
    both: "Play both sides: open a console of an agent in a window beside this one.",
    first: "Write something to the shop, or send it a picture.",
    second: "Open 李娜's console, claim the chat and answer.",
    third: "Open 王强's, and claim the same chat: it is refused, and says whose it is.",
    agent: "agent",
    supervisor: "supervisor",
    open: "Open the console",
    trying: "This is a demo: whoever reaches this page may be anybody here.",
    docs: "The protocol, and everything else that this server offers",
    orderStatus: "shipped",
    names: ["Fleet 3 running shoes", "A mug for two hands", "A lamp to read by", "The bag for everything"],
  },
  "zh-CN": {
    shop: "一家小店",
    language: "English",
    goods: "商品",
    pick: "您是顾客。就某件商品咨询，或点右下角的圆按钮。",
    ask: "咨询客服",
    bought: "您之前的订单：",
    askOrder: "咨询这个订单",
    play: "另一边",
    both: "两边都由您来演：在旁边的窗口里打开客服的工作台。",
    first: "给店铺写点什么，或发一张图片。",
    second: "打开李娜的工作台，接入会话并回答。",
    third: "再打开王强的，接入同一个会话：会被拒绝，并告诉您它归谁。",
    agent: "客服",
    supervisor: "主管",
    open: "打开工作台",
    trying: "这是演示：能打开这个页面的人，可以是这里的任何人。",
    docs: "协议，以及这台服务器提供的其他一切",
    orderStatus: "已发货",
    names: ["风行 3 代跑步鞋", "双手捧的马克杯", "夜读台灯", "什么都装得下的包"],
  },
};
const GOODS = [
  { sku: "S-301", price: 399, picture: "shoe" },
  { sku: "M-112", price: 59, picture: "mug" },
  { sku: "L-045", price: 239, picture: "lamp" },
  { sku: "B-700", price: 189, picture: "bag" },
];

function language() {
  const kept = localStorage.getItem(KEPT);
  if (kept in WORDS) return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

function element(tag, given = {}, ...children) {
  const made = Object.assign(document.createElement(tag), given);
  made.append(...children);
  return made;
}

function productOf(at) {
  const { sku, price, picture } = GOODS[at];
  const title = WORDS[language()].names[at];
  return { sku, title, price, currency: "CNY", image: `/demo/${picture}.svg`, url: `/?${sku}` };
}

function orderOf() {
  return { number: "20261124-0001", status: WORDS[language()].orderStatus, total: 399, currency: "CNY", url: "/?20261124-0001" };
}

function boot(more = {}) {
  return dibs.boot({ store: STORE, locale: language(), title: WORDS[language()].shop, orders: [orderOf()], ...more });
}

/** What somebody asks about is offered to be sent. */
async function askAbout(more) {
  const booted = boot(more);
  dibs.open();
  await booted;
}

function show() {
  const words = WORDS[language()];
  document.documentElement.lang = language();
  document.title = `${words.shop} · dibs`;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = words[node.dataset.word];
  document.getElementById("language").textContent = words.language;
  const price = new Intl.NumberFormat(language(), { style: "currency", currency: "CNY" });
  const rows = GOODS.map((one, at) => {
    const ask = element("button", { type: "button", textContent: words.ask });
    ask.addEventListener("click", () => askAbout({ product: productOf(at) }));
    ask.setAttribute("aria-label", `${words.ask}: ${words.names[at]}`);
    const picture = element("img", { src: `/demo/${one.picture}.svg`, alt: "" });
    const text = element("div", {}, element("b", { textContent: words.names[at] }), element("span", { textContent: price.format(one.price) }), ask);
    return element("li", {}, picture, text);
  });
  document.querySelector(".goods").replaceChildren(...rows);
  const { number, status, total } = orderOf();
  document.querySelector(".bought b").textContent = `${number} · ${status} · ${price.format(total)}`;
}

async function showAgents() {
  const { agents } = await (await fetch("/demo/cast")).json();
  const words = WORDS[language()];
  const rows = agents.map(({ role, id, name, token }) => {
    const text = element("span", {}, name, element("small", { textContent: words[role] }));
    return element("a", { href: `/agent#token=${token}`, target: `dibs-${id}`, title: words.open }, element("i", { textContent: name.slice(-1) }), text, "↗");
  });
  document.querySelector(".agents").replaceChildren(...rows);
}

document.getElementById("bought").addEventListener("click", () => askAbout({ order: orderOf() }));
document.getElementById("language").addEventListener("click", () => {
  localStorage.setItem(KEPT, language() === "en" ? "zh-CN" : "en");
  show();
  showAgents();
  boot();
});
show();
showAgents();
boot();
