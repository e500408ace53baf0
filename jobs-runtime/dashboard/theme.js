// Sets the chosen theme and the instance's colour before the first paint. A classic script: a module would run after it.
(() => {
  const root = document.documentElement;
  if (root.dataset.hue) root.style.setProperty('--hue', root.dataset.hue);
  try {
    const theme = localStorage.getItem('jobs.theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch {
    // Without storage, the theme of the system applies.
  }
})();
