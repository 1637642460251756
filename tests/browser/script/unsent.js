const shopper = new dibs.DibsClient({ url: nowhere, token: user, outbox: new dibs.IndexedOutbox("again-u") });
await shopper.start();
for (let n = 0; n < 3; n += 1) shopper.send(store, { text: `${n}` }).catch(() => {});
shopper.send("no-such-store", { text: "nobody" }).catch(() => {});
shopper.history(store).catch(() => {});
await Promise.all([...shopper._commands.values()].map((command) => command.kept));
return (await new dibs.IndexedOutbox("again-u").all()).map(({ frame }) => frame.body.text);
