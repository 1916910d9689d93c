/// The item of `all` named `wanted`.
///
/// # Errors
/// A message with all names, and the nearest one.
pub(crate) fn by_name<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, wanted: &str) -> Result<T, String> {
    all.iter().copied().find(|&item| name_of(item) == wanted).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|&item| name_of(item)).collect();
        let hint = nearest(&names, wanted).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        format!("found '{wanted}', expected one of: {}{hint}", names.join(", "))
    })
}

/// The name that `wanted` may be a misspelling of.
pub(crate) fn nearest<'a>(names: &[&'a str], wanted: &str) -> Option<&'a str> {
    let near = names.iter().map(|name| (strsim::jaro_winkler(name, wanted), *name));
    let nearest = near.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness > 0.8);
    nearest.map(|(_, name)| name)
}
