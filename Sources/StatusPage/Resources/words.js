// Numbers and times as a person reads them.

const groups = new Intl.NumberFormat("en");
const grouped = (count) => groups.format(count);
const several = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;
const percent = (share) => `${(share * 100).toFixed(share < 0.0995 && share > 0 ? 1 : 0)} %`;

/** 0.0123 -> 12 ms, 61 -> 1 min 1 s. */
function duration(seconds) {
  if (seconds < 0.0095) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [units, size] = whole < 3600 ? [["min", "s"], 60] : whole < 86400 ? [["h", "min"], 3600] : [["d", "h"], 86400];
  const rest = Math.floor((whole % size) / (size / (size === 86400 ? 24 : 60)));
  return `${Math.floor(whole / size)} ${units[0]}${rest ? ` ${rest} ${units[1]}` : ""}`;
}

const wholeDuration = (seconds) => (seconds < 10 ? `${Math.floor(seconds)} s` : duration(Math.floor(seconds)));

/** Seconds of this machine's clock since a time of the service's. */
const age = (time) => Math.max(0, (Date.now() - Date.parse(time)) / 1000);
const ageInWords = (time) => (age(time) < 1 ? "just now" : `${wholeDuration(age(time))} ago`);

/** Kept up to date by `tick`. */
const ago = (time) => element("time", { datetime: time, title: new Date(time).toLocaleString(), class: "ago" }, ageInWords(time));
const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit" });
const preciseClock = (time) =>
  `${new Date(time).toLocaleTimeString([], { hour12: false })}.${String(new Date(time).getMilliseconds()).padStart(3, "0")}`;

function tick() {
  for (const time of document.querySelectorAll("time.ago")) {
    const words = ageInWords(time.dateTime);
    if (time.textContent !== words) time.textContent = words;
  }
}
