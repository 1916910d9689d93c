// Places on a chart, chosen by the pointer or by keys.

/**
 * Has `svg` choose one of `places`, `{x, y}` in units of its view box: the one nearest to the pointer, or by keys the next
 * one. `choose` is told its index. With `isAcross`, only horizontal distances count.
 */
function choosePlaces(svg, places, choose, isAcross = false) {
  let chosen = -1;
  const go = (index) => {
    chosen = Math.min(Math.max(0, index), places.length - 1);
    choose(chosen);
  };
  svg.setAttribute("tabindex", 0);
  svg.addEventListener("pointermove", (event) => {
    const edge = svg.getBoundingClientRect();
    const { width, height } = svg.viewBox.baseVal;
    const x = ((event.clientX - edge.left) / edge.width) * width;
    const y = isAcross ? 0 : ((event.clientY - edge.top) / edge.height) * height;
    const far = (place) => Math.hypot(place.x - x, isAcross ? 0 : place.y - y);
    go(places.reduce((best, place, index) => (far(place) < far(places[best]) ? index : best), 0));
  });
  svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: places.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  });
}
