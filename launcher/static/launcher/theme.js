// Before the first paint: the theme the user chose, else the system's. Loaded without `defer` for that reason.
(function () {
  try {
    var saved = localStorage.getItem("theme");
    if (saved === "light" || saved === "dark") document.documentElement.dataset.theme = saved;
  } catch (error) { /* storage is switched off: the system decides */ }
})();
