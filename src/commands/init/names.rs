//! Two names -> how likely they mean the same: snake, camel and kebab case, abbreviations, synonyms.
//!
//! A name is a list of words, each written in one way. How near two names are is a number up to 100; what is below
//! [`NEAR`] means nothing.

/// The least number that is a guess worth writing down.
pub(super) const NEAR: u32 = 40;
/// From this number on, names are taken for the same.
pub(super) const SURE: u32 = 80;

/// Words, or two of them in a row, that are written in other words here.
const SPELLINGS: &[(&str, &str)] = &[
    ("qty", "quantity"),
    ("menge", "quantity"),
    ("amt", "amount"),
    ("betrag", "amount"),
    ("montant", "amount"),
    ("prix", "price"),
    ("preis", "price"),
    ("lastname", "last name"),
    ("surname", "last name"),
    ("familyname", "last name"),
    ("nachname", "last name"),
    ("firstname", "first name"),
    ("givenname", "first name"),
    ("forename", "first name"),
    ("vorname", "first name"),
    ("prenom", "first name"),
    ("zip", "postal code"),
    ("zipcode", "postal code"),
    ("postcode", "postal code"),
    ("postalcode", "postal code"),
    ("plz", "postal code"),
    ("email", "email"),
    ("emailaddress", "email"),
    ("mail", "email"),
    ("mailaddress", "email"),
    ("tel", "phone"),
    ("telephone", "phone"),
    ("phonenumber", "phone"),
    ("dob", "birth date"),
    ("birthday", "birth date"),
    ("birthdate", "birth date"),
    ("geburtsdatum", "birth date"),
    ("no", "number"),
    ("nr", "number"),
    ("num", "number"),
    ("identifier", "id"),
    ("ident", "id"),
    ("desc", "description"),
    ("addr", "address"),
    ("cust", "customer"),
    ("client", "customer"),
    ("prod", "product"),
    ("ccy", "currency"),
    ("curr", "currency"),
    ("währung", "currency"),
    ("devise", "currency"),
    ("lat", "latitude"),
    ("lon", "longitude"),
    ("lng", "longitude"),
    ("colour", "color"),
    ("uom", "unit"),
    ("dest", "destination"),
    ("org", "organization"),
    ("organisation", "organization"),
    ("ref", "reference"),
    ("ville", "city"),
    ("ort", "city"),
    ("pays", "country"),
    ("land", "country"),
    ("datum", "date"),
    ("empfänger", "recipient"),
    ("verwendungszweck", "purpose"),
];

/// Names that often stand for each other: a guess.
const SYNONYMS: &[&[&str]] = &[
    &["price", "amount", "cost", "unit price", "value", "total"],
    &["salutation", "title", "gender", "sex", "civility"],
    &["street", "address", "address 1", "street address"],
    &["company", "organization", "employer"],
    &["name", "title", "label", "description", "full name"],
    &["line", "line number", "item number", "position"],
    &["note", "comment", "remark"],
    &["country", "country code"],
    &["state", "region", "province"],
    &["quantity", "count"],
    &["tax", "vat"],
    &["status", "state"],
    &["recipient", "counterparty", "payee", "beneficiary"],
];

/// Words that say when something was.
const MOMENTS: &[&str] = &["at", "on", "date", "time", "day", "timestamp", "datetime", "moment"];
/// Fields that hold what the object around them is about.
const MAIN_VALUES: &[&str] = &["number", "value", "name", "id", "code", "text", "label"];
/// Words that are left out.
const FILLERS: &[&str] = &["of", "the", "is", "has", "a"];

/// The words of a name.
pub(super) fn split_words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let behind = characters.get(at + 1);
        let starts = before.is_some_and(|before| {
            before.is_numeric() != character.is_numeric()
                || character.is_uppercase() && (before.is_lowercase() || behind.is_some_and(|next| next.is_lowercase()))
        });
        if (starts || !character.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    spell(&words)
}

/// Words in the spelling of this file.
fn spell(words: &[String]) -> Vec<String> {
    let known = |word: &str| SPELLINGS.iter().find(|(other, _)| *other == word).map(|(_, spelling)| *spelling);
    let (mut spelt, mut at): (Vec<String>, usize) = (Vec::new(), 0);
    while let Some(word) = words.get(at) {
        let pair = words.get(at + 1).map(|next| format!("{word}{next}"));
        let together = pair.as_deref().and_then(known);
        at += 1 + usize::from(together.is_some());
        match together.or_else(|| known(word)) {
            Some(spelling) => spelt.extend(spelling.split(' ').map(str::to_owned)),
            None if FILLERS.contains(&word.as_str()) && words.len() > 1 => {}
            None => spelt.push(singular(word)),
        }
    }
    spelt
}

/// A word without its plural.
fn singular(word: &str) -> String {
    let is_plural = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us");
    let one = match (word.strip_suffix("ies"), word.strip_suffix("es")) {
        (Some(stem), _) if stem.len() > 1 => format!("{stem}y"),
        (_, Some(stem)) if stem.ends_with(['x', 's', 'z']) || stem.ends_with("ch") => stem.to_owned(),
        _ if is_plural => word[..word.len() - 1].to_owned(),
        _ => word.to_owned(),
    };
    if matches!(one.as_str(), "statu" | "addres" | "sale") { word.to_owned() } else { one }
}

/// How near a column and a field are, both as words; `around` are the words that say where they stand: the names of objects
/// around the field, and of the file.
pub(super) fn nearness(column: &[String], field: &[String], around: &[String]) -> u32 {
    let is_same = |one: &[String], other: &[String]| one == other || one.concat() == other.concat();
    if column.is_empty() || field.is_empty() {
        return 0;
    }
    if is_same(column, field) {
        return 100;
    }
    let (mut one, mut other) = (column.to_vec(), field.to_vec());
    one.sort();
    other.sort();
    if one == other {
        return 95;
    }
    let left = |words: &[String], others: &[String]| -> Vec<String> {
        words.iter().filter(|word| !around.contains(word) || others.contains(word)).cloned().collect()
    };
    let (short_column, short_field) = (left(column, field), left(field, column));
    let has_left = !short_column.is_empty() && !short_field.is_empty();
    if has_left && (is_same(&short_column, &short_field) || is_same(&short_column, field)) {
        return 85;
    }
    if are_synonyms(column, field) || are_synonyms(&short_column, field) || are_synonyms(&short_column, &short_field) {
        return 60;
    }
    let is_moment = |words: &[String]| words.iter().all(|word| MOMENTS.contains(&word.as_str()));
    if is_moment(column) && field.iter().any(|word| MOMENTS.contains(&word.as_str())) {
        return 55;
    }
    nearness_of_parts(column, field).max(nearness_of_parts(&short_column, &short_field)).max(match field {
        // All of its name says where it stands: it may be the main value there.
        [only] if short_column.is_empty() && MAIN_VALUES.contains(&only.as_str()) => NEAR,
        _ => 0,
    })
}

/// How near two names are of which one has all words of the other; the last word counts more.
fn nearness_of_parts(column: &[String], field: &[String]) -> u32 {
    let holds = |outer: &[String], inner: &[String]| inner.iter().all(|word| outer.contains(word));
    let (Some(last), Some(other)) = (column.last(), field.last()) else { return 0 };
    let is_number = |word: &str| matches!(word, "id" | "number" | "code" | "reference" | "key");
    if column[..column.len() - 1] == field[..field.len() - 1] && is_number(last) && is_number(other) && column.len() > 1
    {
        return 60;
    }
    let extra = u32::try_from(column.len().abs_diff(field.len())).unwrap_or(u32::MAX);
    if holds(column, field) || holds(field, column) {
        50_u32.saturating_sub(5 * extra) + u32::from(last == other)
    } else {
        0
    }
}

fn are_synonyms(one: &[String], other: &[String]) -> bool {
    let (one, other) = (one.join(" "), other.join(" "));
    SYNONYMS.iter().any(|group| group.contains(&one.as_str()) && group.contains(&other.as_str()))
}

/// Whether a name says that its column tells records apart.
pub(super) fn is_id_name(words: &[String]) -> bool {
    let is_id = |word: &String| matches!(word.as_str(), "id" | "number" | "key" | "sku" | "uuid" | "guid");
    words.last().is_some_and(is_id)
}

/// Whether a name says that its cells tell of a person.
pub(super) fn is_personal_name(words: &[String]) -> bool {
    const PERSONAL: [&str; 12] =
        ["name", "email", "phone", "street", "address", "city", "birth", "iban", "note", "comment", "fax", "company"];
    words.iter().any(|word| PERSONAL.contains(&word.as_str())) && !is_kind_name(words)
}

/// Whether a name is that of a kind of things, as in `phone type`.
fn is_kind_name(words: &[String]) -> bool {
    words.last().is_some_and(|word| matches!(word.as_str(), "type" | "kind" | "status"))
}

/// Whether a name is that of an e-mail address or a telephone number.
pub(super) fn is_contact_name(words: &[String]) -> bool {
    let is_contact = |word: &String| matches!(word.as_str(), "email" | "phone" | "mobile" | "fax" | "cell");
    words.iter().any(is_contact) && !is_kind_name(words) && !is_id_name(words)
}

#[cfg(test)]
mod tests {
    use crate::commands::init::names::{nearness, split_words};

    #[test]
    fn names_are_words_whatever_their_case() {
        let table = [
            ("last_name", "last name"),
            ("lastName", "last name"),
            ("Last-Name", "last name"),
            ("LASTNAME", "last name"),
            ("surname", "last name"),
            ("familyName", "last name"),
            ("Phone1 Type", "phone 1 type"),
            ("HTTPServer", "http server"),
            ("e-mail", "email"),
            ("Lineitem quantity", "lineitem quantity"),
            ("categories", "category"),
            ("date_of_birth", "date birth"),
            ("status", "status"),
            ("order_no", "order number"),
            ("", ""),
            ("\"\n{[", ""),
        ];
        for (name, words) in table {
            assert_eq!(split_words(name).join(" "), words, "{name}");
        }
    }

    #[test]
    fn near_names_are_told_from_others() {
        let near = |column: &str, field: &str, around: &str| {
            nearness(&split_words(column), &split_words(field), &split_words(around))
        };
        let table = [
            ("lastname", "last_name", "", 100),
            ("qty", "quantity", "", 100),
            ("Birthday", "date_of_birth", "", 95),
            ("Billing City", "city", "billing_address", 85),
            ("title", "salutation", "", 60),
            ("price", "amount", "", 60),
            ("date", "purchased_at", "", 55),
            ("unit_price", "price", "", 60),
            ("weight", "weight_kg", "", 45),
            ("Taxes", "total_tax", "", 46),
            ("order_no", "order_id", "", 60),
            ("qty1", "min_quantity", "tiers 1", 46),
            ("Phone1", "number", "phones 1", 40),
            ("price1", "price", "tiers 1 price", 85),
            ("Billing Street", "address1", "billing_address", 60),
            ("quantity", "customer_id", "", 0),
            ("", "id", "", 0),
        ];
        for (column, field, around, expected) in table {
            assert_eq!(near(column, field, around), expected, "{column} {field}");
        }
    }
}
