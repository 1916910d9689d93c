use std::collections::BTreeSet;

use super::column::{Cell, class_name};
use super::file::TableFile;
use super::place::Place;
use crate::data::npz::shown;
use crate::{Error, Result, Setting};

/// Most categories of a column, and most classes.
const MOST_CATEGORIES: usize = 1000;
/// Most different numbers among the texts of a column of categories, if most of its cells are numbers.
const FEW_NUMBERS: usize = 10;
/// Columns of fewer categories than this may have a new one in every row.
const FEW_CATEGORIES: usize = 50;

/// What the cells of a column hold.
#[derive(Debug, Default)]
pub struct Survey {
    /// Number of rows.
    rows: usize,
    missing: usize,
    numbers: usize,
    /// The first text that is no number, with its place.
    text: Option<(Place, String)>,
    /// Different texts; `None` if there are too many.
    texts: Option<BTreeSet<String>>,
}

/// Reads `table` and describes each of its columns.
///
/// # Errors
/// As [`TableFile::each_row`].
pub fn survey(table: &TableFile) -> Result<Vec<Survey>> {
    let new = || Survey { texts: Some(BTreeSet::new()), ..Survey::default() };
    let mut surveys: Vec<_> = table.names().iter().map(|_| new()).collect();
    table.each_row(|place, row| {
        surveys.iter_mut().zip(row).for_each(|(survey, cell)| survey.add(place, cell));
        Ok(())
    })?;
    Ok(surveys)
}

impl Survey {
    fn add(&mut self, place: Place, text: &str) {
        self.rows += 1;
        match Cell::of(text) {
            Cell::Missing => {
                self.missing += 1;
                return;
            }
            Cell::Text(_) if self.text.is_none() => self.text = Some((place, text.to_owned())),
            Cell::Text(_) => {}
            Cell::Number(_) => self.numbers += 1,
        }
        if let Some(texts) = &mut self.texts
            && !texts.contains(text)
        {
            texts.insert(text.to_owned());
            if texts.len() > MOST_CATEGORIES {
                self.texts = None;
            }
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// `true` if all cells are numbers or missing.
    pub fn has_numbers(&self) -> bool {
        self.text.is_none()
    }

    /// `true` if all cells are 0 or 1.
    pub fn is_binary(&self) -> bool {
        let classes = self.classes();
        !classes.is_empty() && classes.iter().all(|class| class == "0" || class == "1")
    }

    /// Categories of a column of features, sorted; none for numbers.
    ///
    /// # Errors
    /// The reason why it cannot be one-hot encoded.
    pub fn categories(&self) -> Result<Vec<String>, String> {
        let Some((place, text)) = &self.text else { return Ok(Vec::new()) };
        let held = self.rows - self.missing;
        if has_comma(text) {
            return Err(format!(
                "holds '{}' in {place}, expected numbers with a decimal point and without commas",
                shown(text)
            ));
        }
        let is_number = |text: &&String| matches!(Cell::of(text), Cell::Number(_));
        let numbers = self.texts.as_ref().map_or(usize::MAX, |texts| texts.iter().filter(is_number).count());
        if 2 * self.numbers > held && numbers > FEW_NUMBERS {
            return Err(format!(
                "holds '{}' in {place} among {} numbers, expected numbers alone; correct that cell, leave it empty, or \
                 leave the column out with {}",
                shown(text),
                self.numbers,
                Setting::Drop
            ));
        }
        match &self.texts {
            Some(texts) if texts.len() <= FEW_CATEGORIES || 2 * texts.len() <= held => {
                Ok(texts.iter().cloned().collect())
            }
            texts => {
                let count =
                    texts.as_ref().map_or(format!("over {MOST_CATEGORIES}"), |texts| texts.len().to_string());
                Err(format!(
                    "holds {count} different texts in {held} rows, such as '{}' in {place}, expected numbers or a few \
                     categories; leave it out with {}",
                    shown(text),
                    Setting::Drop
                ))
            }
        }
    }

    /// Names of the classes of a column of targets, in order: as numbers if all are, else as text. Empty if there are too many.
    pub fn classes(&self) -> Vec<String> {
        let texts = self.texts.iter().flatten();
        let mut classes: Vec<String> = texts.filter_map(|text| class_name(text)).collect();
        classes.sort_by(|one, other| match (one.parse::<f64>(), other.parse::<f64>()) {
            (Ok(one), Ok(other)) if self.has_numbers() => one.total_cmp(&other),
            _ => one.cmp(other),
        });
        classes.dedup();
        classes
    }

    /// [`Survey::classes`] of the column `name` of `table`.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot hold classes.
    pub fn checked_classes(&self, table: &TableFile, name: &str) -> Result<Vec<String>> {
        let classes = self.classes();
        let fraction = classes.iter().find(|class| {
            self.has_numbers() && class.parse::<f64>().is_ok_and(|number| number.fract() != 0.0)
        });
        let problem = match fraction {
            Some(fraction) => format!("holds {fraction}, expected classes: whole numbers or texts"),
            None if classes.is_empty() && self.texts.is_some() => {
                let problem = format!("column {}: holds no value, expected classes", shown(name));
                return Err(Error::file(table.path(), problem));
            }
            None if self.texts.is_none() => {
                format!("holds over {MOST_CATEGORIES} different values, expected classes")
            }
            None if self.has_numbers()
                && classes.len() > FEW_CATEGORIES
                && 2 * classes.len() > self.numbers =>
            {
                format!("holds {} different numbers in {} rows, expected classes", classes.len(), self.rows)
            }
            None => match self.text.as_ref().filter(|(_, text)| has_comma(text)) {
                Some((place, text)) => format!(
                    "holds '{}' in {place}, expected numbers with a decimal point and without commas, or classes",
                    shown(text)
                ),
                None => return Ok(classes),
            },
        };
        let numbers = Setting::Loss.with("mse");
        let problem = format!("column {}: {problem}; for numbers use {numbers}", shown(name));
        Err(Error::file(table.path(), problem))
    }

    /// Checks that the column `name` of `table` holds numbers: those `of_a_class`, or any.
    ///
    /// # Errors
    /// [`Error::File`] with the first text.
    pub fn check_numbers(&self, table: &TableFile, name: &str, of_a_class: bool) -> Result<()> {
        let Some((place, text)) = &self.text else { return Ok(()) };
        if of_a_class {
            let problem = format!(
                "column {}: holds '{}' in {place}, expected 0, 1 or a probability, as several columns of targets have it; \
                 for names of classes give one column with {}",
                shown(name),
                shown(text),
                Setting::Target
            );
            return Err(Error::file(table.path(), problem));
        }
        let remedy = if has_comma(text) {
            "write them with a decimal point and without commas".to_owned()
        } else {
            format!("for classes use {}", Setting::Loss.with("cross-entropy"))
        };
        let problem = format!(
            "column {}: holds '{}' in {place}, expected numbers, as the loss function takes them; {remedy}",
            shown(name),
            shown(text)
        );
        Err(Error::file(table.path(), problem))
    }
}

/// `true` for a number with commas, for thousands or in place of the decimal point.
fn has_comma(text: &str) -> bool {
    text.contains(',') && text.replace(',', "").parse::<f64>().is_ok_and(f64::is_finite)
}
