// Small things that every page shares. Without this script the console works as well, only less comfortably.

// A token travels with every request that htmx makes, as it does in every form.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf"]')?.content;
  if (token) event.detail.headers["X-CSRF-Token"] = token;
});

// A session that ended while a page was open leads to the door, not to a broken fragment.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 401) window.location.reload();
});

// An answer that cannot be shown is said, not swallowed.
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => say("The server did not answer. What you see may be old."));
}
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) say("");
});

function say(text) {
  const place = document.getElementById("said");
  if (!place) return;
  place.textContent = text;
  place.hidden = text === "";
}

// Choices that act at once, such as the tenant.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// "/" goes to the search field, as in many tools; Escape leaves it.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.querySelector("[data-search]");
    if (field) {
      event.preventDefault();
      field.focus();
    }
  } else if (event.key === "Escape" && typing) {
    typing.blur();
  }
});

// Copies what a button names.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it and copy by hand";
  }
});

// Times are written in UTC by the server; the reader's own time is a hover away.
for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.valueOf())) time.title = `${time.dateTime}, ${date.toLocaleString()} in your time zone`;
}
