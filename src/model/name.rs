/// The one of `all` that is called `wanted`, or what to say where none is.
pub(super) fn by_name<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, wanted: &str) -> Result<T, String> {
    all.iter().copied().find(|&item| name_of(item) == wanted).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|&item| name_of(item)).collect();
        format!("found '{wanted}', expected one of: {}", names.join(", "))
    })
}
