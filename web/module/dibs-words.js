/** What the widget says, in Chinese and in English. */

const TABLE = {
  title: ["在线客服", "Chat with us"],
  open: ["打开在线客服", "Open the chat"],
  openUnread: ["打开在线客服，{count} 条未读", "Open the chat, {count} unread message|Open the chat, {count} unread messages"],
  close: ["收起", "Close"],
  offline: ["客服暂时不在，请留言，回来后马上答复您", "Nobody is here right now. Write to us, and we answer as soon as we are back"],
  place: ["您前面还有 {count} 位", "{count} person is ahead of you|{count} people are ahead of you"],
  next: ["下一位就是您", "You are next"],
  waiting: ["正在为您接通客服…", "Finding somebody for you…"],
  served: ["{name} 正在为您服务", "{name} is helping you"],
  ended: ["本次会话已结束，再发消息即可继续", "This chat has ended. Write again to go on"],
  greeting: ["您好，请问有什么可以帮您？", "Hello! How can we help?"],
  write: ["输入消息…", "Write a message…"],
  send: ["发送", "Send"],
  sending: ["发送中", "Sending"],
  sent: ["已送达", "Sent"],
  read: ["已读", "Read"],
  failed: ["未能发送", "Not sent"],
  again: ["重试", "Try again"],
  discard: ["删除", "Delete"],
  typing: ["对方正在输入…", "Writing…"],
  reconnecting: ["连接中断，{seconds} 秒后重连…", "Connection lost. Back in {seconds} s…"],
  connecting: ["正在连接…", "Connecting…"],
  noNetwork: ["网络已断开，恢复后会自动发送", "You are offline. What you write is sent when you are back"],
  gone: ["聊天已关闭，请刷新页面", "The chat was closed. Please reload the page"],
  expired: ["登录已过期，请重新登录", "You have been signed out. Please sign in again"],
  latest: ["{count} 条新消息", "{count} new message|{count} new messages"],
  sendProduct: ["发送给客服", "Send to us"],
  dismiss: ["关闭", "Dismiss"],
  orders: ["选择订单", "Choose an order"],
  order: ["订单 {number}", "Order {number}"],
  image: ["图片", "Picture"],
  end: ["结束会话", "End the chat"],
  howWasIt: ["本次服务您满意吗？", "How was it?"],
  score1: ["非常不满意", "Very bad"],
  score2: ["不满意", "Bad"],
  score3: ["一般", "All right"],
  score4: ["满意", "Good"],
  score5: ["非常满意", "Very good"],
  comment: ["还有什么想说的？（选填）", "Anything else? (optional)"],
  rate: ["提交", "Send"],
  endSure: ["结束本次会话？", "End this chat?"],
  endYes: ["结束", "End it"],
  endNo: ["继续聊", "Go on"],
  transcript: ["下载聊天记录", "Download this chat"],
  files: ["要发送的文件", "Files to send"],
  attach: ["添加图片或文件", "Add a picture or a file"],
  camera: ["拍照", "Take a picture"],
  drop: ["松开即可添加", "Let go to add it"],
  cancel: ["取消", "Cancel"],
  missing: ["文件已不可用", "No longer there"],
  too_large: ["文件太大", "The file is too large"],
  unsupported: ["不支持这种文件", "This kind of file cannot be sent"],
  quota: ["今天上传的文件已达上限", "No more files can be sent today"],
  more: ["更多", "More"],
  soundOff: ["关闭提示音", "Turn the sound off"],
  soundOn: ["开启提示音", "Turn the sound on"],
  language: ["English", "中文"],
  you: ["我", "You"],
  store: ["客服", "Store"],
  today: ["今天", "Today"],
  yesterday: ["昨天", "Yesterday"],
  tooLong: ["消息太长，请分开发送", "The message is too long. Please send it in parts"],
  claim: ["{name} 已接入", "{name} has joined"],
  transfer: ["已转接给 {name}", "{name} takes over"],
  release: ["客服已离开，正在为您重新接通", "We are finding somebody else for you"],
  resolve: ["会话已结束", "The chat has ended"],
  reopen: ["会话已重新打开", "The chat goes on"],
};
/** What is said in the same words. */
const SAME = { assigned: "claim", takeover: "claim", agent_gone: "release" };

/** Words, dates and numbers of one language: `locale` is zh-CN or en, or anything that begins like one of them. */
export class Words {
  constructor(locale) {
    this.locale = (locale || globalThis.navigator?.language || "en").toLowerCase().startsWith("zh") ? "zh-CN" : "en";
    this._column = this.locale === "en" ? 1 : 0;
    const form = (given) => new Intl.DateTimeFormat(this.locale, given);
    this._clock = form({ hour: "2-digit", minute: "2-digit", hour12: false });
    this._day = form({ month: "long", day: "numeric" });
    this._date = form({ dateStyle: "long" });
    this._full = form({ dateStyle: "medium", timeStyle: "medium" });
  }

  /** The words of `key` with `{name}` filled in; where it depends on a number, `given.count`, one is said before the bar. */
  t(key, given = {}) {
    const forms = TABLE[SAME[key] ?? key][this._column].split("|");
    const text = given.count === 1 ? forms[0] : forms.at(-1);
    return text.replace(/\{(\w+)\}/g, (_, name) => given[name]);
  }

  /** How large a file is, in bytes. */
  size(bytes) {
    const isSmall = bytes < 1e6;
    const form = { style: "unit", unit: isSmall ? "kilobyte" : "megabyte", maximumFractionDigits: isSmall ? 0 : 1 };
    return new Intl.NumberFormat(this.locale, form).format(isSmall ? Math.ceil(bytes / 1e3) : bytes / 1e6);
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
