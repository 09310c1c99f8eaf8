"use strict";
const STAGES = ["plan", "design", "build", "verify", "approve", "release", "smoke"];
const FINAL = ["succeeded", "failed", "cancelled"];
const WORDS = {
  en: { key: "API key", useKey: "Use key", newTask: "New task", goal: "Goal", goalHint: "A small blog: posts(title:string!, body:text); users(name:string! unique)",
    grammar: "Write each resource as name(field:type). ! means required, = gives a default; ref(users) points to another resource.", app: "App",
    approval: "Ask me", askDestructive: "before losing data", askAlways: "before every release", askNever: "never",
    submit: "Submit", tasks: "Tasks", more: "Older", back: "← All tasks", stages: "Stages", question: "May this go live?", doubt: "It may or may not have taken place. Do it again?",
    notProven: "Not proven", clarify: "What does the goal mean?", answerText: "Your answer to all questions", answer: "Answer", used: "Language models",
    tokens: "tokens", calls: "calls", noPrice: "price unknown",
    preview: "Look at the preview", reason: "Reason (when rejecting)", approve: "Approve", reject: "Reject", cancel: "Cancel task",
    rollback: "Roll back this release", diff: "Diff", checks: "Checks", outcome: "Outcome", check: "Check", explain: "What this error means",
    history: "History", none: "No tasks yet.", needKey: "Enter the API key that was printed at the first start.",
    sure: "Return this app to the release before?", plan: "Plan", design: "Design", build: "Build", verify: "Verify",
    approveStage: "Approve", release: "Release", smoke: "Smoke", queued: "queued", running: "running", waiting: "waiting for you",
    succeeded: "succeeded", failed: "failed", cancelled: "cancelled", passed: "passed", errored: "error", lost: "The connection broke; trying again." },
  ja: { key: "APIキー", useKey: "キーを使う", newTask: "新しいタスク", goal: "目標", goalHint: "掲示板を作って。posts(title:string!, body:text, mood:enum(happy|sad)=happy)",
    grammar: "データは 名前(項目:型) と書きます。! は必須、= は初期値、ref(users) は他のデータへの参照です。", app: "アプリ",
    approval: "確認", askDestructive: "データを失う変更の前", askAlways: "すべてのリリースの前", askNever: "しない",
    submit: "送信", tasks: "タスク", more: "以前のもの", back: "← タスク一覧", stages: "段階", question: "公開してよいですか？", doubt: "実行されたかどうか分かりません。もう一度実行しますか？",
    notProven: "証明されていないこと", clarify: "目標について教えてください", answerText: "すべての質問への回答", answer: "回答する", used: "言語モデル",
    tokens: "トークン", calls: "回", noPrice: "料金不明",
    preview: "プレビューを見る", reason: "理由（却下する場合）", approve: "承認", reject: "却下", cancel: "タスクを中止",
    rollback: "このリリースを取り消す", diff: "差分", checks: "検査", outcome: "結果", check: "検査", explain: "このエラーについて",
    history: "履歴", none: "タスクはまだありません。", needKey: "初回起動時に表示されたAPIキーを入力してください。",
    sure: "このアプリを一つ前のリリースに戻しますか？", plan: "計画", design: "設計", build: "実装", verify: "検証",
    approveStage: "承認", release: "公開", smoke: "確認", queued: "待機中", running: "実行中", waiting: "確認待ち",
    succeeded: "成功", failed: "失敗", cancelled: "中止", passed: "合格", errored: "エラー", lost: "接続が切れました。再接続します。" },
};
const language = navigator.language.toLowerCase().startsWith("ja") ? "ja" : "en";
const t = (word) => WORDS[language][word] ?? word;
const $ = (id) => document.getElementById(id);
const state = { key: sessionStorage.getItem("yonin-key") ?? "", follow: null, cursor: null, task: null };

function el(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function notice(text) {
  $("notice").textContent = text ?? "";
  $("notice").hidden = !text;
}

async function call(method, path, body, headers = {}, signal = undefined) {
  const sent = { authorization: `Bearer ${state.key}`, ...headers };
  if (body !== undefined) sent["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), signal });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ title: `HTTP ${answer.status}`, detail: "" }));
  throw Object.assign(new Error(`${problem.title}: ${problem.detail}`), { problem });
}

const json = async (...args) => (await call(...args)).json();

function link(anchor, url) {
  const safe = /^https?:\/\//.test(url);
  if (safe) anchor.href = url; else anchor.removeAttribute("href");
  return anchor;
}

async function showTasks(older) {
  const query = older && state.cursor ? `?cursor=${encodeURIComponent(state.cursor)}` : "";
  const { tasks, next_cursor } = await json("GET", `/v1/tasks${query}`);
  if (!older) $("tasks").replaceChildren();
  for (const task of tasks) {
    const row = el("a");
    row.href = `#/tasks/${task.id}`;
    row.append(el("span", `${task.app} · ${task.goal}`, "what"), el("span", t(task.status), `badge ${task.status}`));
    const item = el("li");
    item.append(row);
    $("tasks").append(item);
  }
  if (!$("tasks").childElementCount) $("tasks").append(el("li", t("none"), "faint"));
  state.cursor = next_cursor ?? null;
  $("more").hidden = !next_cursor;
}

// The list keeps itself fresh for as long as somebody looks at its first page.
setInterval(() => {
  const looking = state.key && !document.hidden && !$("home").hidden && $("tasks").childElementCount <= 20;
  if (looking && !$("tasks").contains(document.activeElement)) showTasks(false).catch(() => {});
}, 3000);

function showStages(task) {
  const now = task.stage === "done" ? STAGES.length : STAGES.indexOf(task.stage);
  $("stages").replaceChildren(...STAGES.map((stage, place) => {
    const kind = place < now ? "past" : place > now ? "" : task.status === "failed" || task.status === "cancelled" ? "broken" : "now";
    const item = el("li", t(stage === "approve" ? "approveStage" : stage), kind);
    if (kind === "now") item.setAttribute("aria-current", "step");
    return item;
  }));
}

function showTask(task) {
  state.task = task;
  const final = FINAL.includes(task.status);
  $("task-app").textContent = task.app;
  $("task-goal").textContent = task.goal;
  $("task-id").textContent = task.id;
  $("task-status").textContent = t(task.status) + (task.attempt > 1 ? ` · ${task.attempt}` : "");
  $("task-status").className = `badge ${task.status}`;
  $("task-message").textContent = final ? "" : task.message ?? "";
  state.began = task.status === "queued" ? null : Date.now() - task.usage.millis;
  $("task-time").textContent = state.began ? seconds(task.usage.millis) : "";
  showStages(task);
  $("task-error").hidden = !task.error;
  if (task.error) {
    const page = Object.assign(el("a", t("explain")), { href: `/errors/${task.error.code}`, target: "_blank" });
    $("task-error").replaceChildren(`${task.error.title}: ${task.error.detail} (${task.error.code}) `, page);
  }
  $("task-result").hidden = !task.result;
  if (task.result) $("task-result").replaceChildren(link(Object.assign(el("a", task.result.url), { target: "_blank", rel: "noopener noreferrer" }), task.result.url));
  const reservations = task.result?.reservations ?? task.question?.reservations ?? [];
  $("task-reservations").hidden = !reservations.length;
  $("task-reservations").replaceChildren(...reservations.map((one) => el("li", one)));
  showUsage(task.usage);
  const asked = task.status === "waiting" && task.question;
  $("question").hidden = !asked;
  if (asked) {
    const { kind, reason, preview, questions = [], statements = [] } = task.question;
    const clarify = kind === "clarify";
    $("question-reason").textContent = reason ?? "";
    $("question-title").textContent = t({ clarify: "clarify", in_doubt: "doubt" }[kind] ?? "question");
    $("question-preview").hidden = !preview;
    if (preview) link($("question-preview"), preview);
    $("answer-form").hidden = !clarify;
    $("approve").hidden = clarify;
    $("question-statements").replaceChildren(...questions.map((question) => el("li", question)), ...statements.map((statement) => {
      const item = el("li");
      item.append(el("code", statement.sql), el("div", statement.danger, "bad"));
      return item;
    }));
  }
  $("cancel").hidden = final || ["release", "smoke"].includes(task.stage);
  showRollback(task).catch((error) => notice(error.message));
}

function showUsage({ models = [] }) {
  const dollars = (cost) => cost === undefined ? t("noPrice") : `${cost.toFixed(4)} USD`;
  const lines = models.map((one) => `${one.agent} ${one.model}: ${one.calls} ${t("calls")}, ${one.tokens_in + one.tokens_out} ${t("tokens")}, ${dollars(one.cost_usd)}`);
  $("task-usage").hidden = !lines.length;
  $("task-usage").textContent = `${t("used")}: ${lines.join(" · ")}`;
}

const seconds = (millis) => `${(millis / 1000).toFixed(1)} s`;
setInterval(() => {
  if (state.task && state.began && !FINAL.includes(state.task.status)) $("task-time").textContent = seconds(Date.now() - state.began);
}, 200);

// What can be rolled back is the release that is live, if there is one before it.
async function showRollback(task) {
  $("rollback").hidden = true;
  if (task.status !== "succeeded") return;
  const { live } = await json("GET", `/v1/apps/${task.app}`);
  if (state.task?.id === task.id) $("rollback").hidden = !(live?.digest === task.result?.release && live?.base);
}

function showEvent(event) {
  const words = { moved: () => `${t(event.stage === "approve" ? "approveStage" : event.stage)} · ${t(event.status)}`, progress: () => event.message,
    checked: () => `${t(event.outcome)}: ${event.title}`, ended: () => t(event.status) };
  const line = el("li", `${new Date(event.at).toLocaleTimeString(language)}  ${(words[event.type] ?? (() => event.type))()}`);
  $("history").append(line);
  if (event.type === "progress") $("task-message").textContent = event.message;
  if (event.type === "moved" && event.stage === "verify") $("checks").replaceChildren();
  if (event.type === "checked") {
    const row = el("tr");
    const good = event.outcome === "passed", what = el("td", event.title);
    if (event.why) what.append(el("div", event.why, "bad"));
    row.append(el("td", t(event.outcome), good ? "good" : "bad"), what);
    // What went wrong is what people look for.
    if (good) $("checks").append(row); else $("checks").prepend(row);
  }
  const rows = [...$("checks").rows];
  $("checks-count").textContent = rows.length ? `${rows.filter((row) => row.cells[0].className === "good").length} / ${rows.length}` : "";
}

// EventSource cannot send a key, so the stream is read with fetch.
async function readEvents(id, seen, signal, take) {
  const answer = await call("GET", `/v1/tasks/${id}/events`, undefined, { "last-event-id": String(seen) }, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const data = frame.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      if (data) take(JSON.parse(data));
    }
  }
}

async function follow(id) {
  const control = new AbortController();
  state.follow = control;
  const refresh = async () => { const task = await json("GET", `/v1/tasks/${id}`); if (!control.signal.aborted) showTask(task); };
  for (let seen = 0, ended = false; !ended && !control.signal.aborted;) {
    try {
      await refresh();
      notice();
      await readEvents(id, seen, control.signal, (event) => {
        seen = event.seq;
        ended ||= event.type === "ended";
        showEvent(event);
        if (["moved", "asked", "ended"].includes(event.type)) refresh().catch((error) => notice(error.message));
      });
    } catch (error) {
      if (control.signal.aborted) return;
      if (error.problem && error.problem.status < 500) return notice(error.message);
      notice(t("lost"));
    }
    if (!ended) await new Promise((wake) => setTimeout(wake, 1000));
  }
}

async function route() {
  state.follow?.abort();
  const id = /^#\/tasks\/([0-9a-f-]+)$/.exec(location.hash)?.[1];
  $("home").hidden = Boolean(id);
  $("task").hidden = !id;
  if (!state.key) return notice(t("needKey"));
  notice();
  if (!id) return attempt(() => showTasks(false));
  for (const list of ["history", "checks"]) $(list).replaceChildren();
  $("diff").hidden = true;
  follow(id);
}

async function attempt(act, button) {
  if (button) button.disabled = true;
  try { await act(); } catch (error) { notice(error.message); } finally { if (button) button.disabled = false; }
}

const on = (id, act) => $(id).addEventListener("click", (event) => attempt(act, event.currentTarget));
const decide = (what, body) => async () => showTask(await json("POST", `/v1/tasks/${state.task.id}/${what}`, body?.()));

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  state.key = $("key").value.trim();
  sessionStorage.setItem("yonin-key", state.key);
  route();
});
$("submit-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const body = { goal: $("goal").value, app: $("app").value, approval: $("approval").value };
    // The same text sent twice by accident is one task; once it was taken, the next one is a new task.
    state.once ??= crypto.getRandomValues(new Uint32Array(4)).join("-");
    const task = await json("POST", "/v1/tasks", body, { "idempotency-key": state.once });
    state.once = null;
    $("goal").value = "";
    location.hash = `#/tasks/${task.id}`;
  }, event.submitter);
});
$("submit-form").addEventListener("input", () => { state.once = null; });
$("answer-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    await decide("answer", () => ({ text: $("answer").value }))();
    $("answer").value = "";
  }, event.submitter);
});
on("more", () => showTasks(true));
on("approve", decide("approve"));
on("reject", decide("reject", () => ({ reason: $("reason").value || null })));
on("cancel", decide("cancel"));
on("rollback", async () => {
  if (!confirm(t("sure"))) return;
  const task = await json("POST", `/v1/apps/${state.task.app}/rollback`, {});
  location.hash = `#/tasks/${task.id}`;
});
on("show-diff", async () => {
  const text = await (await call("GET", `/v1/tasks/${state.task.id}/diff`)).text();
  const kind = (line) => line.startsWith("@@") ? "hunk" : /^\+(?!\+\+ )/.test(line) ? "add" : /^-(?!-- )/.test(line) ? "del" : "";
  $("diff").replaceChildren(...text.split("\n").map((line) => el("span", `${line}\n`, kind(line))));
  $("diff").hidden = false;
});

document.documentElement.lang = language;
for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
for (const node of document.querySelectorAll("[data-p]")) node.placeholder = t(node.dataset.p);
for (const node of document.querySelectorAll("[data-l]")) node.setAttribute("aria-label", t(node.dataset.l));
$("key").value = state.key;
addEventListener("hashchange", route);
route();
