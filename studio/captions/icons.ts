// Pictures of buttons, by what the button asks for. Each button has a name beside them.
function drawn(path: string): string {
  const stroke = 'fill="none" stroke="currentColor" stroke-width="2"';
  return `<svg viewBox="0 0 24 24" width="22" height="22" ${stroke} aria-hidden="true">${path}</svg>`;
}

export const ICONS: Record<string, string> = {
  undo: drawn('<path d="M9 5 4 10l5 5M4 10h10a5 5 0 0 1 0 10h-3"/>'),
  redo: drawn('<path d="m15 5 5 5-5 5M20 10H10a5 5 0 0 0 0 10h3"/>'),
  next_mark: drawn('<path d="M6 21V4h11l-2 4 2 4H6"/>'),
  find: drawn('<circle cx="10.5" cy="10.5" r="6"/><path d="m15 15 6 6"/>'),
  more: drawn('<path d="M4 7h16M4 12h16M4 17h16"/>'),
  play: drawn('<path d="M8 5v14l11-7z" fill="currentColor"/>'),
  begin_here: drawn('<path d="M5 4v16M20 12H9m4-4-4 4 4 4"/>'),
  end_here: drawn('<path d="M19 4v16M4 12h11m-4-4 4 4-4 4"/>'),
  split: drawn('<path d="M3 12h18M8 8l4-4 4 4M8 16l4 4 4-4"/>'),
  merge: drawn('<path d="M3 12h4m10 0h4M12 3v6M9 6l3 3 3-3M12 21v-6M9 18l3-3 3 3"/>'),
  insert: drawn('<path d="M12 5v14M5 12h14"/>'),
  remove: drawn('<path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13"/>'),
};
