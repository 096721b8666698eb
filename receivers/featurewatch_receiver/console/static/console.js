// Shows times as local ones, and renews what is marked data-live. Without it all is there in UTC.
"use strict";

const RENEW_MS = 10000;
const sources = new Map(); // what the server sent for each live part, before times were changed

function localTimes(root) {
  for (const time of root.querySelectorAll("time:not([data-local])")) {
    const at = new Date(time.dateTime);
    const two = (number) => String(number).padStart(2, "0");
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
    const clock = [two(at.getHours()), two(at.getMinutes()), two(at.getSeconds())].join(":");
    time.textContent = `${day} ${clock}`;
    time.dataset.local = "";
  }
}

function isBusy(part) {
  const active = document.activeElement;
  const selected = String(getSelection()) !== "" && getSelection().containsNode(part, true);
  return selected || (part.contains(active) && active.matches("input, select, textarea"));
}

function renew(part, fresh) {
  if (sources.get(part.id) === fresh.innerHTML || isBusy(part)) return;
  const active = document.activeElement;
  const address = part.contains(active) ? active.getAttribute("href") : null;
  sources.set(part.id, fresh.innerHTML);
  localTimes(fresh);
  part.replaceChildren(...fresh.childNodes);
  if (address) {
    for (const link of part.querySelectorAll("a")) {
      if (link.getAttribute("href") === address) { link.focus({ preventScroll: true }); break; }
    }
  }
}

let looking = false;

async function look() {
  if (document.hidden || looking) return;
  looking = true; // a receiver that is slow is not asked by the same page twice at once
  try {
    const signal = AbortSignal.timeout(3 * RENEW_MS);
    const answer = await fetch(location.href, { redirect: "manual", cache: "no-store", signal });
    document.getElementById("left").hidden = answer.type !== "opaqueredirect";
    if (answer.type === "opaqueredirect") return; // to the sign-in page
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) renew(part, fresh);
    }
    document.getElementById("stale").hidden = true;
  } catch {
    document.getElementById("stale-since").textContent = document.getElementById("as-of").textContent;
    document.getElementById("stale").hidden = false;
  } finally {
    looking = false;
  }
}

for (const part of document.querySelectorAll("[data-live]")) sources.set(part.id, part.innerHTML);
localTimes(document);
if (sources.size) {
  history.replaceState(null, "", location.href.replace(/([?&])done=\w+&?/, "$1").replace(/[?&]$/, ""));
  setInterval(look, RENEW_MS);
  document.addEventListener("visibilitychange", look);
}
