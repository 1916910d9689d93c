// Light and dark themes: the system's until the button chooses one.

/** Colours of the theme in use, in the form that canvas takes. */
function themeColours(names) {
  const probe = element("span", { hidden: "" });
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name}, var(--quiet))`;
    return getComputedStyle(probe).color;
  };
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
  probe.remove();
  return colours;
}

/** Makes `button` switch themes, and calls `changed` after every switch. */
function switchThemes(button, changed) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const update = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
    changed();
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    update();
  });
  dark.addEventListener("change", update);
  update();
}
