/** What the widget says, in Chinese and in English. */

const ZH = {
  title: "在线客服",
  open: "打开在线客服",
  openUnread: { other: "打开在线客服，{count} 条未读" },
  close: "收起",
  online: "客服在线",
  offline: "客服暂时不在，请留言，回来后马上答复您",
  place: { other: "您前面还有 {count} 位" },
  next: "下一位就是您",
  waiting: "正在为您接通客服…",
  served: "{name} 正在为您服务",
  ended: "本次会话已结束，再发消息即可继续",
  greeting: "您好，请问有什么可以帮您？",
  write: "输入消息…",
  send: "发送",
  sending: "发送中",
  sent: "已送达",
  read: "已读",
  failed: "未能发送",
  again: "重试",
  discard: "删除",
  typing: "对方正在输入…",
  reconnecting: "连接中断，{seconds} 秒后重连…",
  connecting: "正在连接…",
  noNetwork: "网络已断开，恢复后会自动发送",
  gone: "聊天已关闭，请刷新页面",
  expired: "登录已过期，请重新登录",
  latest: { other: "{count} 条新消息" },
  sendProduct: "发送给客服",
  dismiss: "关闭",
  orders: "选择订单",
  order: "订单 {number}",
  image: "图片",
  end: "结束会话",
  howWasIt: "本次服务您满意吗？",
  score1: "非常不满意",
  score2: "不满意",
  score3: "一般",
  score4: "满意",
  score5: "非常满意",
  comment: "还有什么想说的？（选填）",
  rate: "提交",
  endSure: "结束本次会话？",
  endYes: "结束",
  endNo: "继续聊",
  transcript: "下载聊天记录",
  you: "我",
  store: "客服",
  today: "今天",
  yesterday: "昨天",
  tooLong: "消息太长，请分开发送",
  claim: "{name} 已接入",
  assigned: "{name} 已接入",
  transfer: "已转接给 {name}",
  takeover: "{name} 已接入",
  release: "客服已离开，正在为您重新接通",
  agent_gone: "客服已离开，正在为您重新接通",
  resolve: "会话已结束",
  reopen: "会话已重新打开",
};

const EN = {
  title: "Chat with us",
  open: "Open the chat",
  openUnread: { one: "Open the chat, {count} unread message", other: "Open the chat, {count} unread messages" },
  close: "Close",
  online: "We are online",
  offline: "Nobody is here right now. Write to us, and we answer as soon as we are back",
  place: { one: "{count} person is ahead of you", other: "{count} people are ahead of you" },
  next: "You are next",
  waiting: "Finding somebody for you…",
  served: "{name} is helping you",
  ended: "This chat has ended. Write again to go on",
  greeting: "Hello! How can we help?",
  write: "Write a message…",
  send: "Send",
  sending: "Sending",
  sent: "Sent",
  read: "Read",
  failed: "Not sent",
  again: "Try again",
  discard: "Delete",
  typing: "Writing…",
  reconnecting: "Connection lost. Back in {seconds} s…",
  connecting: "Connecting…",
  noNetwork: "You are offline. What you write is sent when you are back",
  gone: "The chat was closed. Please reload the page",
  expired: "You have been signed out. Please sign in again",
  latest: { one: "{count} new message", other: "{count} new messages" },
  sendProduct: "Send to us",
  dismiss: "Dismiss",
  orders: "Choose an order",
  order: "Order {number}",
  image: "Picture",
  end: "End the chat",
  howWasIt: "How was it?",
  score1: "Very bad",
  score2: "Bad",
  score3: "All right",
  score4: "Good",
  score5: "Very good",
  comment: "Anything else? (optional)",
  rate: "Send",
  endSure: "End this chat?",
  endYes: "End it",
  endNo: "Go on",
  transcript: "Download this chat",
  you: "You",
  store: "Store",
  today: "Today",
  yesterday: "Yesterday",
  tooLong: "The message is too long. Please send it in parts",
  claim: "{name} has joined",
  assigned: "{name} has joined",
  transfer: "{name} takes over",
  takeover: "{name} has joined",
  release: "We are finding somebody else for you",
  agent_gone: "We are finding somebody else for you",
  resolve: "The chat has ended",
  reopen: "The chat goes on",
};

/** Words, dates and numbers of one language: `locale` is zh-CN or en, or anything that begins like one of them. */
export class Words {
  constructor(locale) {
    this.locale = (locale || globalThis.navigator?.language || "en").toLowerCase().startsWith("zh") ? "zh-CN" : "en";
    this._table = this.locale === "en" ? EN : ZH;
    this._plural = new Intl.PluralRules(this.locale);
    this._clock = new Intl.DateTimeFormat(this.locale, { hour: "2-digit", minute: "2-digit", hour12: false });
    this._day = new Intl.DateTimeFormat(this.locale, { month: "long", day: "numeric" });
    this._date = new Intl.DateTimeFormat(this.locale, { year: "numeric", month: "long", day: "numeric" });
    this._full = new Intl.DateTimeFormat(this.locale, { dateStyle: "medium", timeStyle: "medium" });
  }

  /** The words of `key` with `{name}` filled in; `given.count` decides where it depends on a number. */
  t(key, given = {}) {
    const found = this._table[key];
    const text = typeof found === "string" ? found : (found[this._plural.select(given.count)] ?? found.other);
    return text.replace(/\{(\w+)\}/g, (_, name) => given[name]);
  }

  clock(at) {
    return this._clock.format(at);
  }

  full(at) {
    return this._full.format(at);
  }

  /** 今天, 昨天, 10月3日; with the year where it is another one. */
  day(at, now = Date.now()) {
    const ago = dayNumber(now) - dayNumber(at);
    if (ago === 0) return this.t("today");
    if (ago === 1) return this.t("yesterday");
    return (new Date(at).getFullYear() === new Date(now).getFullYear() ? this._day : this._date).format(at);
  }

  /** A price, whatever the shop has given. */
  money(amount, currency) {
    const value = typeof amount === "string" ? Number(amount) : amount;
    try {
      if (currency && Number.isFinite(value)) return new Intl.NumberFormat(this.locale, { style: "currency", currency }).format(value);
    } catch {
      // No currency that the browser knows: as it was given.
    }
    return [amount, currency].filter((part) => part !== undefined && part !== null).join(" ");
  }
}

/** Days since a day long ago, where whoever looks is. */
export function dayNumber(at) {
  const date = new Date(at);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}
