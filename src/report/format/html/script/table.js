// Tables of any length. A long one holds only the rows in view.

/** Most rows of a table that holds all of them. */
const WHOLE = 400;
/** Rows above and below those in view. */
const AROUND = 30;

/** Shows `rows` in `body`, each as `makeRow` makes it; `scroller` is what scrolls it. */
function longTable(body, scroller, rows, makeRow) {
  const made = (first, last) =>
    rows.slice(first, last).map((row, index) => numbered(makeRow(row), first + index));
  const table = body.parentElement;
  table.setAttribute("aria-rowcount", rows.length + 1);
  scroller.onscroll = null;
  body.replaceChildren(...made(0, Math.min(rows.length, WHOLE)));
  if (rows.length <= WHOLE) return { reveal: (index) => body.rows[index] };

  const height = body.offsetHeight / WHOLE || 30;
  // Columns keep the widths of the first rows while others come and go.
  let [first, last] = [-1, -1];
  const show = () => {
    const top = Math.max(0, Math.floor(scroller.scrollTop / height));
    const bottom = top + Math.ceil(scroller.clientHeight / height);
    if (top >= first + (first && AROUND / 3) && bottom <= last - (last < rows.length && AROUND / 3)) return;
    const focused =
      body.contains(document.activeElement) && document.activeElement.closest("tr").ariaRowIndex;
    [first, last] = [Math.max(0, top - AROUND), Math.min(rows.length, bottom + AROUND)];
    body.replaceChildren(gap(first * height), ...made(first, last), gap((rows.length - last) * height));
    if (focused) body.querySelector(`[aria-rowindex="${focused}"] button`)?.focus({ preventScroll: true });
  };
  scroller.onscroll = () => requestAnimationFrame(show);
  show();
  return {
    reveal(index) {
      if (index < first || index >= last) {
        scroller.scrollTop = index * height - scroller.clientHeight / 2;
        show();
      }
      return body.rows[index - first + 1];
    },
  };
}

function numbered(row, index) {
  row.setAttribute("aria-rowindex", index + 2);
  return row;
}

function gap(height) {
  const row = element("tr", { "aria-hidden": "true" }, element("td"));
  row.style.height = `${height}px`;
  return row;
}
