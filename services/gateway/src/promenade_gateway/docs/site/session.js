// Who is signed in. The tokens live in this module and nowhere else: leaving or reloading the page forgets them.

const AUTH = "/api/v1/identity/auth";
const EARLY = 30_000; // ms: an access token that ends this soon is replaced before it is used

let tokens = null; // { access, refresh, ends }
let user = null;
let refreshing = null;
const watchers = new Set();

export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail || problem.title || `status ${status}`);
    Object.assign(this, { status, problem, code: problem.code, retryAfter });
  }
}

export const who = () => user;
export const token = () => tokens && tokens.access;

// `watcher(user, reason)` after every change; the reason is "expired" when nobody asked for it.
export function watch(watcher) {
  watchers.add(watcher);
}

export async function signIn(email, password) {
  const answer = await post("/login", { email, password });
  user = answer.user;
  keep(answer);
  tell();
}

export async function signOut() {
  const access = await accessToken();
  forget();
  if (access) await endSession(access).catch(() => {});
}

// What `fetch` does, as the one who is signed in. A token that was out of date is replaced, and the call repeated.
export async function call(url, options = {}) {
  const access = await accessToken();
  const answer = await fetch(url, access ? bearing(options, access) : options);
  if (answer.status !== 401 || !access) return answer;
  const fresh = await refresh(access);
  return fresh ? fetch(url, bearing(options, fresh)) : answer;
}

// A good access token, or null.
export async function accessToken() {
  if (!tokens) return null;
  return Date.now() < tokens.ends - EARLY ? tokens.access : refresh(tokens.access);
}

// Calls at the same time share one refresh; who comes with a token that was replaced meanwhile gets its successor.
async function refresh(stale) {
  if (!tokens || tokens.access !== stale) return token();
  refreshing ??= exchange().finally(() => (refreshing = null));
  return refreshing;
}

async function exchange() {
  const mine = tokens;
  try {
    const answer = await post("/refresh", { refresh_token: mine.refresh });
    if (tokens !== mine) return null; // signed out meanwhile
    keep(answer);
    tell();
    return tokens.access;
  } catch (error) {
    // Only Identity's own word ends the session: when it is away, the next call tries again.
    if (error.status === 401 && tokens === mine) forget("expired");
    return null;
  }
}

async function post(path, body) {
  const answer = await fetch(AUTH + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, content, answer.headers.get("Retry-After"));
  return content;
}

const endSession = (access) => fetch(`${AUTH}/logout`, bearing({ method: "POST", keepalive: true }, access));

const bearing = (options, access) => ({
  ...options,
  headers: { ...options.headers, Authorization: `Bearer ${access}` },
});

function keep(answer) {
  const ends = Date.now() + answer.expires_in * 1000;
  tokens = { access: answer.access_token, refresh: answer.refresh_token, ends };
}

function forget(reason) {
  tokens = user = null;
  tell(reason);
}

function tell(reason) {
  for (const watcher of watchers) watcher(user, reason);
}

// Nobody could use the session any more, so it shall not stay open for its thirty days.
addEventListener("pagehide", (event) => {
  if (tokens && !event.persisted) endSession(tokens.access).catch(() => {});
});
