// Sets the chosen theme before the first paint. A classic script: a module would run after it.
(() => {
  try {
    const theme = localStorage.getItem('jobs.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Without storage, the theme of the system applies.
  }
})();
