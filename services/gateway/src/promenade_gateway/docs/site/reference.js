// One service's operations, shown by Swagger UI, with a list beside them. What was typed stays when switching.

import { accessToken, call, token, watch, who } from "./session.js";
import { openSignIn } from "./sign_in.js";

const VERBS = ["get", "post", "put", "patch", "delete"];
const AGAIN = 5_000; // ms until a service that was away is asked again
const interfaces = new Map(); // service -> Swagger UI
let library = null;

// Fills `place`, once: the specification, or why there is none and when it is tried again.
export async function showReference(place, service, title) {
  place.replaceChildren(element("p", "loading", `Reading the specification of ${title} …`));
  try {
    const [specification] = await Promise.all([readSpecification(service), loadLibrary()]);
    draw(place, service, title, specification);
  } catch (error) {
    showAway(place, service, title, error);
  }
}

async function readSpecification(service) {
  const answer = await fetch(`/openapi/${service}.json`).catch(() => null);
  if (!answer) throw new Error("The gateway does not answer.");
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(content.detail || `Status ${answer.status}`), { problem: content });
  return reachable(content, service);
}

// The gateway routes a service's API only; probes at the root are those of the process behind it.
function reachable(specification, service) {
  const routed = (path) => service === "gateway" || path.startsWith(`/api/v1/${service}`) || path.startsWith("/.well-known/");
  const paths = Object.fromEntries(Object.entries(specification.paths).filter(([path]) => routed(path)));
  return { ...specification, paths };
}

function loadLibrary() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${document.body.dataset.assets}/swagger-ui-bundle.js`;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => {
      library = null;
      script.remove();
      reject(new Error("A part of this page could not be loaded."));
    });
    document.head.append(script);
  });
  return library;
}

function draw(place, service, title, specification) {
  const operations = element("div", "operations-pane");
  const list = operationList(service, title, specification);
  place.replaceChildren(list, operations);
  interfaces.set(service, window.SwaggerUIBundle({
    spec: specification,
    domNode: operations,
    presets: [window.SwaggerUIBundle.presets.apis],
    plugins: [ownSignIn, ownAddresses],
    layout: "BaseLayout",
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 2,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: asCaller,
    onComplete: () => requestAnimationFrame(() => {
      authorize(service);
      reveal(service, location.hash);
    }),
  }));
}

// Sent by `session.call`; the header is set here too, so that the shown curl command works when it is copied.
async function asCaller(request) {
  if (new URL(request.url, location.href).origin !== location.origin) return request;
  request.userFetch = call;
  const access = await accessToken();
  if (access) request.headers.Authorization = `Bearer ${access}`;
  else delete request.headers.Authorization;
  return request;
}

// Swagger UI's own dialog asks for a pasted token; the locks open ours instead.
const ownSignIn = () => ({
  components: { AuthorizeBtnContainer: () => null, ServersContainer: () => null },
  wrapComponents: {
    authorizeOperationBtn: (Lock, { React }) => (props) =>
      React.createElement(Lock, {
        ...props,
        onClick: () => who() || openSignIn(),
      }),
  },
});

// The address names the operation that was opened last. Swagger UI's own links would make a step of history of each.
const ownAddresses = () => ({
  statePlugins: {
    layout: {
      wrapActions: {
        show: (show) => (what, shown) => {
          const [kind, ...names] = what;
          if (kind === "operations" && shown) history.replaceState(null, "", `#/${names.map(encodeURIComponent).join("/")}`);
          return show(what, shown);
        },
      },
    },
  },
});

// Shows the locks as they are, open or closed.
function authorize(service) {
  const ui = interfaces.get(service);
  if (token()) ui.preauthorizeApiKey("bearer", token());
  else if (ui.authSelectors.authorized()?.size) ui.authActions.logout(["bearer"]);
}

watch(() => {
  for (const service of interfaces.keys()) authorize(service);
});

// Opens the operation that a hash such as `#/orders/create_order` names.
export function reveal(service, hash) {
  const [, tag, operation] = hash.split("/").map(decodeURIComponent);
  const ui = interfaces.get(service);
  if (!ui || !operation) return;
  ui.layoutActions.show(["operations-tag", tag], true);
  ui.layoutActions.show(["operations", tag, operation], true);
  requestAnimationFrame(() => {
    const block = document.getElementById(`operations-${tag}-${operation}`);
    if (!block) return;
    block.scrollIntoView({ block: "start" });
    block.querySelector(".opblock-summary-control")?.focus({ preventScroll: true });
  });
}

function operationList(service, title, specification) {
  const box = element("details", "operation-list");
  box.open = matchMedia("(min-width: 60rem)").matches;
  const search = Object.assign(element("input"), { type: "search", placeholder: "Find an operation" });
  search.setAttribute("aria-label", `Find an operation of ${title}`);
  const nav = element("nav");
  nav.setAttribute("aria-label", `Operations of ${title}`);
  for (const [tag, rows] of byTag(specification)) nav.append(group(service, tag, rows));
  search.addEventListener("input", () => narrow(nav, search.value));
  box.append(element("summary", "", "Operations"), search, nav);
  return box;
}

function byTag(specification) {
  const found = new Map();
  for (const [path, item] of Object.entries(specification.paths))
    for (const verb of VERBS.filter((each) => item[each])) {
      const operation = item[verb];
      const tag = operation.tags?.[0] ?? "default";
      found.set(tag, [...(found.get(tag) ?? []), { verb, path, ...operation }]);
    }
  return found;
}

function group(service, tag, rows) {
  const part = element("section");
  const list = element("ul");
  part.append(element("h3", "", tag), list);
  for (const { verb, path, operationId, summary } of rows) {
    const link = Object.assign(element("a"), { href: `/docs/${service}#/${tag}/${operationId}`, title: path });
    link.append(element("span", `verb ${verb}`, verb === "delete" ? "DEL" : verb.toUpperCase()), ` ${summary || path}`);
    const row = element("li");
    row.dataset.words = `${verb} ${path} ${summary} ${operationId}`.toLowerCase();
    row.append(link);
    list.append(row);
  }
  return part;
}

function narrow(nav, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of nav.querySelectorAll("li")) row.hidden = !words.every((word) => row.dataset.words.includes(word));
  for (const part of nav.querySelectorAll("section")) part.hidden = !part.querySelector("li:not([hidden])");
}

function showAway(place, service, title, error) {
  const panel = element("div", "panel");
  panel.setAttribute("role", "alert");
  const request = error.problem?.request_id ? ` (request ${error.problem.request_id})` : "";
  const button = Object.assign(element("button", "", "Try now"), { type: "button" });
  const retry = () => panel.isConnected && showReference(place, service, title);
  button.addEventListener("click", retry);
  panel.append(
    element("h2", "", `${title} cannot be shown at the moment`),
    element("p", "", `${error.message}${request}`),
    element("p", "", "The other services are not affected. This page asks again by itself."),
    button,
  );
  place.replaceChildren(panel);
  setTimeout(retry, AGAIN);
}

function element(name, className = "", text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}
