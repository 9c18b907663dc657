// The form of the conditions: its elements are called as the fields of /sample are.

import { make } from "./dom.js";

/** The fields that differ from the service's defaults, by name. */
export function settings(form) {
  const given = {};
  for (const element of named(form)) {
    if (element.type === "radio" && !element.checked) continue;
    const value = element.type === "checkbox" ? String(element.checked) : element.value;
    if (value !== standard(element)) given[element.name] = isList(element) ? value.split(/[\s,]+/).filter(Boolean) : value;
  }
  return given;
}

/** Sets every element: to the field of this name, or else to its default. */
export function fill(form, fields) {
  for (const element of named(form)) {
    const value = isList(element) ? fields.getAll(element.name).join(" ") : fields.get(element.name) ?? standard(element);
    if (element.type === "checkbox") element.checked = value === "true";
    else if (element.type === "radio") element.checked = element.value === value;
    else element.value = value;
  }
  mirror(form);
}

/** Keeps the slider and the number of the same setting together. */
export function pair(form) {
  const slider = form.querySelector("[data-mirrors]");
  slider.addEventListener("input", () => { form.elements[slider.dataset.mirrors].value = slider.value; });
  form.elements[slider.dataset.mirrors].addEventListener("input", () => mirror(form));
}

/** Puts each part of a problem beside the field that it is about. */
export function fieldErrors(form, problem) {
  for (const { pointer, detail } of problem.errors ?? []) {
    const element = named(form).find(({ name }) => pointer === `/${name}` || pointer.startsWith(`/${name}/`));
    if (!element) continue;
    const line = make("p", { class: "wrong", id: `wrong-${element.name}` }, detail);
    element.setAttribute("aria-invalid", "true");
    element.setAttribute("aria-describedby", line.id);
    element.closest(".field").append(line);
  }
}

export function clearFieldErrors(form) {
  form.querySelectorAll(".wrong").forEach((line) => line.remove());
  for (const element of form.querySelectorAll("[aria-invalid]")) {
    element.removeAttribute("aria-invalid");
    element.removeAttribute("aria-describedby");
  }
}

/** Its words are a field each of the same name. */
const isList = (element) => "list" in element.dataset;

const named = (form) => [...form.elements].filter((element) => element.name);

/** What HTML says an element is set to at first: the service's default. */
function standard(element) {
  if (element.type === "checkbox") return String(element.defaultChecked);
  if (element.type === "radio") return element.form.querySelector(`[name=${element.name}][checked]`).value;
  return element.defaultValue;
}

function mirror(form) {
  const slider = form.querySelector("[data-mirrors]");
  slider.value = form.elements[slider.dataset.mirrors].value;
}
