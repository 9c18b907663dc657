// Runs before anything is drawn, so that a theme that was chosen does not come with a flash of the other.
"use strict";
{
  const KEY = "namesmith-theme";
  const root = document.documentElement;
  const wanted = matchMedia("(prefers-color-scheme: dark)");

  const read = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be switched off
    }
  };
  const dark = () => (root.dataset.theme ?? (wanted.matches ? "dark" : "light")) === "dark";

  if (["dark", "light"].includes(read())) root.dataset.theme = read();

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const show = () => button.setAttribute("aria-pressed", String(dark()));
    show();
    wanted.addEventListener("change", show);
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      show();
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // then it lasts as long as the page
      }
    });
  });
}
