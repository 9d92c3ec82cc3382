// The page: which part of it shows, without loading it again.

import { reveal, showReference } from "./reference.js";
import { openSignIn } from "./sign_in.js";

const start = document.querySelector("#start");
const reference = document.querySelector("#reference");
const places = new Map(); // service -> its part of the page

const serviceAt = (path) => path.match(/^\/docs\/([a-z-]+)\/?$/)?.[1];
const linkTo = (service) => document.querySelector(`.services a[data-view="${service}"]`);

function show() {
  const service = serviceAt(location.pathname);
  const view = linkTo(service) ? service : "start";
  start.hidden = view !== "start";
  reference.hidden = view === "start";
  for (const link of document.querySelectorAll(".services a[data-view]"))
    link.ariaCurrent = link.dataset.view === view ? "page" : null;
  const title = linkTo(view).textContent;
  document.title = view === "start" ? "Promenade API" : `${title} · Promenade API`;
  if (view !== "start") showService(view, title);
}

function showService(service, title) {
  for (const [name, place] of places) place.hidden = name !== service;
  if (places.has(service)) {
    reveal(service, location.hash);
    return;
  }
  const place = Object.assign(document.createElement("div"), { className: "service" });
  places.set(service, place);
  reference.append(place);
  showReference(place, service, title);
}

// Links within the page change what shows and keep the rest: who is signed in, and what was typed.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || !(url.pathname === "/docs" || serviceAt(url.pathname))) return;
  if (url.pathname === location.pathname && !url.hash.startsWith("#/") && url.hash) return;
  event.preventDefault();
  if (url.href !== location.href) history.pushState(null, "", url);
  show();
  if (!url.hash) scrollTo(0, 0);
});
addEventListener("popstate", show);

// The commands name the address this page was loaded from.
for (const code of document.querySelectorAll("pre code"))
  code.textContent = code.textContent.replaceAll(document.body.dataset.origin, location.origin);

for (const block of document.querySelectorAll(".steps pre")) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

// Swagger UI's dark colours wait for a class.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

if (location.hash === "#sign-in") openSignIn();
show();
