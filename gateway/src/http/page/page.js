// The plain page: one live stream in, rows out. What callers say is only ever set as text, never as markup.
"use strict";

const KEEP_ENDED_MS = 60_000;
const TEXTS_SHOWN = 50;
const PHASES = {
  scheduled: "scheduled", queued: "queued", ringing: "ringing", in_progress: "in progress",
  forwarding: "forwarding", ended: "ended", lost: "lost",
};

const $ = (id) => document.getElementById(id);
const channels = { calls: channel(), sms: channel(), alerts: channel() };
const ended = new Map();
const rows = { alerts: new Map(), live: new Map(), ended: new Map(), texts: new Map() };
let source = null;
let watchdog = 0;
let skewMs = 0;

function channel() {
  return { off: null, rows: new Map(), arriving: null };
}

// --- the stream

function connect() {
  source?.close();
  show("waiting", "Connecting");
  source = new EventSource("/api/live/sse");
  source.onmessage = (event) => hear(JSON.parse(event.data));
  source.onerror = () => {
    show("lost", "Reconnecting");
    // Refused rather than broken: a browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) askWhy();
  };
}

function reconnect(afterMs) {
  source?.close();
  show("lost", "Reconnecting");
  clearTimeout(watchdog);
  watchdog = setTimeout(connect, afterMs);
}

async function askWhy() {
  try {
    const answer = await fetch("/api/metrics");
    if (answer.status === 401) return askForToken();
  } catch {
    // Not reachable: said already, tried again below.
  }
  reconnect(2_000 + Math.random() * 3_000);
}

function hear(frame) {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => reconnect(0), 40_000);
  switch (frame.t) {
    case "welcome": return welcome(frame);
    case "snap": return snapshot(channels[frame.ch], frame);
    case "patch": return patch(channels[frame.ch], frame);
    case "bye": return reconnect(frame.retry_ms[0] + Math.random() * (frame.retry_ms[1] - frame.retry_ms[0]));
  }
}

function welcome(frame) {
  skewMs = frame.now - Date.now();
  $("sign-in").hidden = true;
  $("board").hidden = false;
  $("sign-out").hidden = false;
  show("live", "Live");
}

function snapshot(channel, frame) {
  if (!channel) return;
  if (frame.part === 1) channel.arriving = new Map();
  for (const row of frame.rows) channel.arriving.set(row.id, row);
  if (frame.part < frame.parts) return;
  channel.rows = channel.arriving;
  channel.off = frame.off;
  draw();
}

function patch(channel, frame) {
  if (!channel) return;
  // A hole: what was missed is never guessed.
  if (frame.from !== channel.off) return reconnect(0);
  for (const row of frame.set) set(channel, row);
  for (const id of frame.del) remove(channel, id);
  channel.off = frame.off;
  draw();
}

function set(channel, row) {
  const before = channel.rows.get(row.id);
  channel.rows.set(row.id, { ...before, ...row });
  if (row.priority === "P1" && row.phase && before?.priority !== "P1") {
    $("news").textContent = `P1 call from ${row.from || "an unknown number"}`;
  }
}

function remove(channel, id) {
  const row = channel.rows.get(id);
  channel.rows.delete(id);
  if (channel === channels.calls && row) remember(row);
}

// Shows a call for a minute after its end, as it ended.
async function remember(row) {
  ended.set(row.id, row);
  setTimeout(() => { ended.delete(row.id); draw(); }, KEEP_ENDED_MS);
  const answer = await fetch(`/api/calls/${encodeURIComponent(row.id)}`).catch(() => null);
  if (answer?.ok && ended.has(row.id)) {
    ended.set(row.id, await answer.json());
    draw();
  }
}

function show(state, words) {
  $("link").dataset.state = state;
  $("link").textContent = words;
}

// --- signing in and out

function askForToken() {
  clearTimeout(watchdog);
  show("waiting", "Not signed in");
  $("board").hidden = true;
  $("sign-out").hidden = true;
  $("sign-in").hidden = false;
  $("token").focus();
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("sign-in-error").textContent = "";
  const answer = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: $("token").value }),
  }).catch(() => null);
  if (answer?.ok) {
    $("token").value = "";
    return connect();
  }
  $("sign-in-error").textContent = answer ? (await answer.json()).detail : "The server does not answer.";
});

$("sign-out").addEventListener("click", async () => {
  source?.close();
  await fetch("/logout", { method: "POST" }).catch(() => null);
  askForToken();
});

// --- drawing

const byUrgency = (a, b) => (a.priority || "P9").localeCompare(b.priority || "P9") || a.started_at.localeCompare(b.started_at);
const byWait = (a, b) => a.priority.localeCompare(b.priority) || a.opened_at.localeCompare(b.opened_at);
const wantsSomebody = (alert) => alert.awaits_answer || alert.state === "unanswered";
const newestFirst = (a, b) => b.created_at.localeCompare(a.created_at);

let drawing = 0;
function draw() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    const calls = [...channels.calls.rows.values()].sort(byUrgency);
    const texts = [...channels.sms.rows.values()].sort(newestFirst).slice(0, TEXTS_SHOWN);
    const alerts = [...channels.alerts.rows.values()].filter(wantsSomebody).sort(byWait);
    list("alerts", rows.alerts, alerts, "alert-row", drawAlert);
    $("alert-count").textContent = alerts.length;
    $("alerts-section").hidden = alerts.length === 0;
    list("live", rows.live, calls, "call-row", drawCall);
    list("ended", rows.ended, [...ended.values()].reverse(), "call-row", drawCall);
    list("texts", rows.texts, texts, "text-row", drawText);
    $("live-count").textContent = calls.length;
    $("nobody").hidden = calls.length > 0;
    $("ended-section").hidden = ended.size === 0;
    $("no-texts").hidden = texts.length > 0;
    document.title = calls.length ? `(${calls.length}) Cordboard` : "Cordboard";
  });
}

// Keeps one element per row, in order; moves only what is out of place.
function list(id, known, wanted, template, fill) {
  const parent = $(id);
  const keep = new Set(wanted.map((row) => row.id));
  for (const [key, element] of known) {
    if (!keep.has(key)) { element.remove(); known.delete(key); }
  }
  wanted.forEach((row, place) => {
    let element = known.get(row.id);
    if (!element) {
      element = $(template).content.firstElementChild.cloneNode(true);
      known.set(row.id, element);
    }
    fill(element, row);
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] || null);
  });
}

function field(element, name, text) {
  const node = element.querySelector(`[data-field="${name}"]`);
  if (node.textContent !== text) node.textContent = text;
  return node;
}

function drawCall(element, call) {
  element.dataset.priority = call.priority || "";
  field(element, "priority", call.priority || "").dataset.priority = call.priority || "";
  field(element, "who", [call.caller_name, call.from || "Unknown number"].filter(Boolean).join(" · "));
  const why = call.phase === "ended" && call.ended_reason ? ` (${call.ended_reason})` : "";
  field(element, "phase", (PHASES[call.phase] || call.phase) + why);
  field(element, "said", call.last_line ? `${call.last_line.role === "agent" ? "Agent" : "Caller"}: ${call.last_line.text}` : "");
  field(element, "facts", [call.tenant, call.tools_used.join(", "), smsWords(call.sms)].filter(Boolean).join(" · "));
  field(element, "clock", clock(call)).dateTime = call.started_at;
}

function smsWords(sms) {
  const parts = ["queued", "sent", "delivered", "failed"].filter((state) => sms[state] > 0).map((state) => `${sms[state]} ${state}`);
  return parts.length ? `SMS: ${parts.join(", ")}` : "";
}

function drawAlert(element, alert) {
  element.dataset.priority = alert.priority;
  element.dataset.id = alert.id;
  field(element, "priority", alert.priority).dataset.priority = alert.priority;
  field(element, "what", [alert.words.client, alert.words.address].filter(Boolean).join(" · ") || alert.words.business);
  field(element, "state", alert.state).dataset.state = alert.state;
  field(element, "said", alert.words.message);
  const told = [...new Set(alert.told.map((telling) => telling.contact))];
  field(element, "facts", [alert.tenant, told.length ? `told: ${told.join(", ")}` : "nobody told yet"].join(" · "));
  field(element, "clock", `since ${new Date(alert.opened_at).toLocaleTimeString()}`).dateTime = alert.opened_at;
}

$("alerts").addEventListener("click", async (event) => {
  const verb = event.target.dataset?.verb;
  const id = event.target.closest("[data-id]")?.dataset.id;
  if (!verb || !id) return;
  event.target.disabled = true;
  const answer = await fetch(`/api/alerts/${id}/${verb}`, { method: "POST" }).catch(() => null);
  event.target.disabled = false;
  if (answer?.ok) {
    channels.alerts.rows.set(id, await answer.json());
    draw();
  }
});

function drawText(element, sms) {
  field(element, "priority", sms.priority).dataset.priority = sms.priority;
  field(element, "to", `${sms.contact} · ${sms.to}`);
  field(element, "state", sms.state).dataset.state = sms.state;
  field(element, "body", sms.body);
  field(element, "facts", sms.error || "");
  field(element, "clock", new Date(sms.created_at).toLocaleTimeString()).dateTime = sms.created_at;
}

function clock(call) {
  const until = call.ended_at ? Date.parse(call.ended_at) : Date.now() + skewMs;
  const seconds = call.duration_s ?? Math.max(0, Math.floor((until - Date.parse(call.started_at)) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return `since ${new Date(call.started_at).toLocaleTimeString()} · ${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

setInterval(() => {
  for (const [id, element] of rows.live) {
    const call = channels.calls.rows.get(id);
    if (call) field(element, "clock", clock(call));
  }
}, 1000);

connect();
