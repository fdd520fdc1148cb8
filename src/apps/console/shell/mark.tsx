/** The sign of the console, as in `index.html` and, at 32 pixels, `icon.png`. A file of its own would be drawn later. */
export const Mark = () => (
  <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="#0b5cad" />
    <path d="M7 9h18v11H16l-5 4v-4H7z" fill="#fff" />
    <path d="M12 14.5h8m-3-3 3 3-3 3" fill="none" stroke="#0b5cad" strokeWidth="2" />
  </svg>
)
