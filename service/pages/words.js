// Numbers as people read them.

const whole = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 2 });
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

export const count = (number) => whole.format(number);

/** 0.0042 -> "0.42 %". */
export function percent(probability) {
  const value = 100 * probability;
  if (value === 0 || value === 100) return `${value} %`;
  if (value < 0.01) return "< 0.01 %";
  if (value > 99.99) return "> 99.99 %";
  return `${value < 10 || value > 99 ? Number(value.toPrecision(value > 99 ? 4 : 2)) : Math.round(value)} %`;
}

/** exp(log) as "1 in 240"; `log` is a natural logarithm, so that nothing is too small. */
export function chance(log) {
  const odds = -log;
  if (odds < Math.log(1.05)) return "nearly always";
  if (odds < Math.log(100)) return `1 in ${Number(Math.exp(odds).toPrecision(2))}`;
  if (odds < Math.log(1e6)) return `1 in ${count(Number(Math.exp(odds).toPrecision(3)))}`;
  if (odds < Math.log(1e15)) return `1 in ${compact.format(Math.exp(odds))}`;
  const power = String(Math.round(odds / Math.LN10));
  return `1 in 10${[...power].map((digit) => RAISED[digit]).join("")}`;
}

/** Surprise in bits. */
export const bits = (log) => Math.max(0, -log / Math.LN2);

export const rounded = (number, digits = 2) => number.toFixed(digits).replace("-", "\u2212");

/** What is shown for a symbol: the end of a name has no letter. */
export const symbol = (char) => (char === "" ? "end" : char);

/** "3 November 2026". */
export function day(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}
