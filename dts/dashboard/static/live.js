// Renews what is shown, and tells local times. Pages are whole without it.

const button = document.createElement("button");
const news = document.getElementById("news");
const kept = "funchost.live";
let every = Number(document.body.dataset.refresh ?? 0);
let on = sessionStorage.getItem(kept) !== "off";
let failures = 0;
let timer;

// The news of an action is told once, not at each reload.
const here = new URL(location.href);
if (here.searchParams.has("done")) {
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
}

function tellLocalTimes(root) {
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = local.format(new Date(time.dateTime));
  }
}

function label() {
  button.setAttribute("aria-pressed", String(on));
  button.textContent = failures > 0 ? "No answer, trying again" : "Live";
  button.classList.toggle("lost", failures > 0);
}

function schedule() {
  clearTimeout(timer);
  if (on && every > 0) {
    timer = setTimeout(refresh, Math.min(every * 2 ** failures, 30_000));
  }
}

// A person who marks text must not lose it.
function marked(region) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(region, true);
}

// How an element is found again in the renewed region.
function sameAs(element) {
  if (element.id) return (other) => other.id === element.id;
  if (element.hasAttribute("href")) return (other) => other.getAttribute("href") === element.getAttribute("href");
  const path = [...document.querySelectorAll(element.tagName)].indexOf(element);
  return (other) => [...document.querySelectorAll(element.tagName)].indexOf(other) === path;
}

function replace(old, fresh) {
  if (old.isEqualNode(fresh) || marked(old)) return;
  for (const details of old.querySelectorAll("details[id]")) {
    const again = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (again) again.open = details.open;
  }
  const active = document.activeElement;
  const find = old.contains(active) ? sameAs(active) : null;
  const scrolled = [...old.querySelectorAll(".scroll, pre")].map((box) => [box.scrollLeft, box.scrollTop]);
  const told = old.querySelector("[data-news]")?.textContent;
  const tells = fresh.querySelector("[data-news]")?.textContent;
  old.replaceWith(fresh);
  [...fresh.querySelectorAll(".scroll, pre")].forEach((box, i) => {
    if (scrolled[i]) [box.scrollLeft, box.scrollTop] = scrolled[i];
  });
  if (find) [...fresh.querySelectorAll(active.tagName)].find(find)?.focus({ preventScroll: true });
  if (tells && tells !== told) news.textContent = tells;
}

async function refresh() {
  if (document.hidden) return; // see visibilitychange
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(15_000) });
    // A scheduler that is away for a moment is no reason to take the page away.
    if (answer.status >= 500 && !document.getElementById("problem")) throw new Error("no answer");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const regions = [...page.querySelectorAll("[data-live]")];
    if (regions.length === 0) throw new Error("this is no page of the dashboard");
    if (regions.some((region) => !document.getElementById(region.id))) {
      location.reload(); // it is another page by now: gone, or there again
      return;
    }
    tellLocalTimes(page);
    for (const region of regions) replace(document.getElementById(region.id), document.adoptNode(region));
    every = Number(page.body.dataset.refresh ?? 0);
    button.hidden = every === 0;
    failures = 0;
  } catch {
    failures = Math.min(failures + 1, 5);
  }
  label();
  schedule();
}

tellLocalTimes(document);
if (every > 0) {
  button.type = "button";
  button.title = "Renew this page every " + every / 1000 + " seconds";
  button.addEventListener("click", () => {
    on = !on;
    sessionStorage.setItem(kept, on ? "on" : "off");
    failures = 0;
    label();
    schedule();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && on && every > 0) {
      clearTimeout(timer);
      refresh();
    }
  });
  document.getElementById("live").append(button);
  label();
  schedule();
}
