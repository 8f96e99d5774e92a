// The list of pages is scrolled to the one that is open.
addEventListener("load", () => {
  const list = document.querySelector(".bd-sidebar-primary");
  const open = [...document.querySelectorAll('.bd-docs-nav a.current[href="#"]')].at(-1);
  if (!open) return;
  const at = open.getBoundingClientRect().top - list.getBoundingClientRect().top;
  if (at < 0 || at > 0.8 * list.clientHeight) list.scrollTop += at - list.clientHeight / 3;
});
