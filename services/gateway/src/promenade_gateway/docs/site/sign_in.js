// The sign-in dialog and what the header shows of it.

import { Refused, signIn, signOut, watch } from "./session.js";

const find = (selector) => document.querySelector(selector);
const dialog = find("#sign-in-dialog");
const form = find("#sign-in-form");
const fault = form.querySelector(".fault");
const submit = form.querySelector("[type=submit]");

let opener = document.body;

export function openSignIn() {
  opener = document.activeElement;
  say("");
  if (!dialog.open) dialog.showModal();
  (form.email.value ? form.password : form.email).focus();
}

find("#sign-in").addEventListener("click", openSignIn);
find("#sign-out").addEventListener("click", signOut);
form.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => (form.password.value = ""));
for (const link of document.querySelectorAll("[data-sign-in]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    openSignIn();
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const missing = [form.email, form.password].find((field) => !field.value);
  if (missing) {
    say(missing === form.email ? "Enter your email address." : "Enter your password.");
    missing.focus();
    return;
  }
  submit.disabled = true;
  say("");
  try {
    await signIn(form.email.value.trim(), form.password.value);
    dialog.close();
    (opener.checkVisibility() ? opener : find("#sign-out")).focus(); // the button that opens it is hidden now
  } catch (error) {
    say(inWords(error));
    form.password.select();
  } finally {
    submit.disabled = false;
  }
});

watch((user, reason) => {
  const name = user && (user.display_name || user.email);
  find("#sign-in").hidden = Boolean(user);
  find("#sign-out").hidden = find("#who").hidden = !user;
  find("#who b").textContent = name || "";
  const notice = find("#notice");
  notice.textContent = reason === "expired" ? "Your session has ended. Sign in again to go on." : "";
  notice.hidden = !notice.textContent;
});

function say(text) {
  fault.textContent = text;
  fault.hidden = !text;
}

function inWords(error) {
  if (!(error instanceof Refused)) return "The gateway does not answer. Is it running?";
  if (error.code === "invalid-credentials")
    return "This address and password do not belong to an account that can sign in. A new account has to be verified first, with the code from its mail.";
  if (error.status === 422) return "That is not an email address and a password: check what you typed.";
  if (error.status === 429) return `Too many attempts. Try again in ${inTime(Number(error.retryAfter) || 60)}.`;
  if (error.status >= 500) return `Signing in does not work at the moment: ${error.message}. The other services may still answer.`;
  return `${error.message} (${error.code || error.status})`;
}

const inTime = (seconds) => (seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`);
