// The unmodified npm package `centrifuge` against a real server: one scenario a run, chosen by its name.
// In: SCENARIO, WS_URL, SITE_URL, USERS (JSON: name -> {id, session}), by environment. Out: one line of JSON on stdout; a failed
// assertion ends with exit code 1.
import assert from "node:assert/strict";
import { Centrifuge, UnauthorizedError } from "centrifuge";
import WebSocket from "ws";

const { WS_URL, SITE_URL } = process.env;
const users = JSON.parse(process.env.USERS);
const clients = [];

function clientOf(name, options = {}) {
  const headers = {};
  if (name) headers.cookie = `sessionid=${users[name].session}`;
  if (options.origin) headers.origin = options.origin;
  class SignedInWebSocket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers });
    }
  }
  delete options.origin;
  const client = new Centrifuge(WS_URL, { websocket: SignedInWebSocket, minReconnectDelay: 50, ...options });
  clients.push(client);
  return client;
}

function once(emitter, event, timeoutMs = 10000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${event}" within ${timeoutMs} ms`)), timeoutMs);
    emitter.once(event, (context) => {
      clearTimeout(timer);
      resolve(context);
    });
  });
}

async function until(condition, timeoutMs = 10000) {
  const giveUpAt = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function publish(channel, data, options = {}) {
  const response = await fetch(`${SITE_URL}/publish`, {
    method: "POST",
    body: JSON.stringify({ channel, data, ...options }),
  });
  return response.json();
}

async function connected(name, options) {
  const client = clientOf(name, options);
  client.connect();
  await client.ready(5000);
  return client;
}

async function subscribed(client, channel, options = {}) {
  const subscription = client.newSubscription(channel, options);
  const seen = { publications: [], offsets: [], joined: [], left: [], subscribed: [] };
  subscription.on("publication", (context) => {
    seen.publications.push(context.data);
    seen.offsets.push(context.offset);
  });
  subscription.on("join", (context) => seen.joined.push(context.info.user));
  subscription.on("leave", (context) => seen.left.push(context.info.user));
  subscription.on("subscribed", (context) => seen.subscribed.push(context));
  subscription.subscribe();
  await subscription.ready(5000);
  return [subscription, seen];
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error.code;
  }
  assert.fail("was not refused");
}

const scenarios = {
  async connect_by_session_and_origin() {
    const client = clientOf("ada", { origin: SITE_URL });
    client.connect();
    const context = await once(client, "connected");
    assert.match(context.client, /^[0-9a-f-]{36}$/);
    assert.equal(context.transport, "websocket");
  },

  async refused_without_session_and_from_a_foreign_page() {
    const stranger = clientOf(null);
    stranger.connect();
    assert.equal((await once(stranger, "disconnected")).code, 3501);
    const foreign = clientOf("ada", { origin: "https://evil.example" });
    foreign.connect();
    assert.equal((await once(foreign, "disconnected")).code, 3507);
  },

  async subscribe_before_connect_is_sent_with_it() {
    const client = clientOf("ada");
    const subscription = client.newSubscription("quiet:js-early");
    subscription.subscribe();
    client.connect();
    await subscription.ready(5000);
  },

  async subscribe_refused_by_code() {
    const client = await connected("bob");
    for (const [channel, code] of [
      ["nowhere:1", 102],
      [`own:${users.ada.id}`, 103],
      ["staff:room", 103],
    ]) {
      const subscription = client.newSubscription(channel);
      subscription.subscribe();
      assert.equal((await once(subscription, "unsubscribed")).code, code);
    }
    await subscribed(client, `own:${users.bob.id}`);
  },

  async publish_from_server_and_client() {
    const ada = await connected("ada");
    const bob = await connected("bob");
    const [ofAda] = await subscribed(ada, "chat:js-publish");
    const [, seen] = await subscribed(bob, "chat:js-publish");
    await publish("chat:js-publish", { from: "server" });
    await until(() => seen.publications.length === 1);
    await ofAda.publish({ from: "ada", text: "a\nb \u2028 é" });
    await until(() => seen.publications.length === 2);
    assert.deepEqual(seen.publications, [{ from: "server" }, { from: "ada", text: "a\nb \u2028 é" }]);
    assert.deepEqual(seen.offsets, [1, 2]);
    assert.equal(await refusal(ada.publish("quiet:1", {})), 103);
  },

  async unsubscribe_and_come_back() {
    const client = await connected("ada");
    const [subscription, seen] = await subscribed(client, "quiet:js-unsubscribe");
    const witness = await connected("bob");
    const [, witnessed] = await subscribed(witness, "quiet:js-unsubscribe");
    for (let round = 0; round < 20; round += 1) {
      subscription.unsubscribe();
      subscription.subscribe();
    }
    await subscription.ready(5000);
    await publish("quiet:js-unsubscribe", 1);
    await until(() => seen.publications.length === 1);
    subscription.unsubscribe();
    await client.rpc("echo", {});
    await publish("quiet:js-unsubscribe", 2);
    await until(() => witnessed.publications.length === 2);
    assert.deepEqual(seen.publications, [1]);
  },

  async history_paging() {
    await publish("chat:js-history", 0, { repeat: 10 });
    const client = await connected("ada");
    const [subscription] = await subscribed(client, "chat:js-history");
    const top = await subscription.history({ limit: 0 });
    assert.equal(top.publications.length, 0);
    assert.equal(top.offset, 10);
    const seen = [];
    for (let since = { offset: 0, epoch: top.epoch }; ; ) {
      const page = await subscription.history({ limit: 4, since });
      if (page.publications.length === 0) break;
      seen.push(...page.publications.map((publication) => publication.data.n));
      since = { offset: page.publications.at(-1).offset, epoch: top.epoch };
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const newest = await subscription.history({ limit: 3, reverse: true });
    assert.deepEqual(newest.publications.map((publication) => publication.data.n), [9, 8, 7]);
    assert.equal(await refusal(subscription.history({ limit: 1, since: { offset: 1, epoch: "other" } })), 112);
    assert.equal(await refusal(client.history("quiet:1", { limit: 1 })), 108);
  },

  async presence_and_stats() {
    const ada = await connected("ada");
    const bob = await connected("bob");
    const [ofAda] = await subscribed(ada, "chat:js-presence");
    const [ofBob] = await subscribed(bob, "chat:js-presence");
    const present = Object.values((await ofAda.presence()).clients);
    assert.deepEqual(present.map((info) => info.connInfo.name).sort(), ["ada", "bob"]);
    const stats = await ofAda.presenceStats();
    assert.equal(stats.numClients, 2);
    assert.equal(stats.numUsers, 2);
    ofAda.unsubscribe();
    ofBob.unsubscribe();
    await until(async () => (await ada.presenceStats("chat:js-presence")).numClients === 0);
    assert.equal(await refusal(ada.presence("quiet:1")), 108);
  },

  async join_and_leave() {
    const ada = await connected("ada");
    const [, seen] = await subscribed(ada, "chat:js-joins", { joinLeave: true });
    const bob = await connected("bob");
    await subscribed(bob, "chat:js-joins");
    await until(() => seen.joined.includes(users.bob.id));
    bob.disconnect();
    await until(() => seen.left.includes(users.bob.id));
  },

  async rpc_results_and_errors() {
    const client = await connected("ada");
    assert.deepEqual((await client.rpc("add", { a: 1, b: 2 })).data, { sum: 3, user: "ada" });
    assert.deepEqual((await client.rpc("echo", { x: [null, "é"] })).data, { x: [null, "é"] });
    assert.equal(await refusal(client.rpc("nothing", {})), 104);
    assert.equal(await refusal(client.rpc("full", {})), 1200);
    assert.equal(await refusal(client.rpc("broken", {})), 100);
    assert.equal(await refusal(client.rpc("add", [])), 107);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, b) => client.rpc("add", { a: 1, b })));
    assert.deepEqual(answers.map((answer) => answer.data.sum), Array.from({ length: 100 }, (_, b) => b + 1));
  },

  async latest_snapshot_then_changes() {
    await publish("prices:js", { oil: 1 }, { key: "oil" });
    await publish("prices:js", { oil: 2 }, { key: "oil" });
    await publish("prices:js", { tin: 7 }, { key: "tin" });
    const client = await connected("ada");
    const [, seen] = await subscribed(client, "prices:js");
    await until(() => seen.publications.length === 2);
    assert.deepEqual(seen.publications.map((data) => JSON.stringify(data)).sort(), ['{"oil":2}', '{"tin":7}']);
    await publish("prices:js", 0, { key: "oil", repeat: 100 });
    await publish("prices:js", { oil: 4 }, { key: "oil" });
    await until(() => seen.publications.at(-1).oil === 4);
    assert.ok(seen.publications.length < 20, `${seen.publications.length} frames were not conflated`);
  },

  async latest_own_source_joins_up() {
    const client = await connected("ada");
    const [, seen] = await subscribed(client, "ticks:js");
    await until(() => seen.publications.length >= 6);
    let version = seen.publications[0].full;
    for (const change of seen.publications.slice(1)) {
      assert.equal(change.since, version);
      assert.ok(change.now > version);
      version = change.now;
    }
  },

  // The connection is cut from outside while publications go on, until {"n": "last"} comes.
  async recovery_while_published() {
    const client = clientOf("ada");
    let connectedCount = 0;
    client.on("connected", () => (connectedCount += 1));
    client.connect();
    const [, seen] = await subscribed(client, "chat:js-recovery", { recoverable: true });
    process.stdout.write("subscribed\n");
    await until(() => seen.publications.at(-1)?.n === -1, 40000);
    return {
      numbers: seen.publications.map((data) => data.n),
      offsets: seen.offsets,
      connectedCount,
      recovered: seen.subscribed.slice(1).map((context) => context.recovered),
    };
  },

  // The server is restarted from outside; its streams are new then.
  async restart_of_the_server() {
    const client = clientOf("ada");
    client.connect();
    const [, seen] = await subscribed(client, "chat:js-epoch", { recoverable: true });
    process.stdout.write("subscribed\n");
    await until(() => seen.subscribed.length === 2, 30000);
    return { wasRecovering: seen.subscribed[1].wasRecovering, recovered: seen.subscribed[1].recovered };
  },
};

assert.ok(UnauthorizedError); // the package is the one we think it is
if (process.argv[2] === "--list") {
  console.log(JSON.stringify(Object.keys(scenarios)));
} else {
  const result = await scenarios[process.env.SCENARIO]();
  for (const client of clients) client.disconnect();
  console.log(JSON.stringify(result ?? {}));
}
