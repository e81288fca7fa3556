//! RULER's two forms of questions on documents, from a fact base of our own: people and towns that never were.

use super::{Difficulty, Entry, Hay, Kind, Posed, Question, Scene};
use crate::answer::{Right, ValueType};
use crate::language::Language;
use anyhow::{Context, Result};
use std::collections::HashSet;

const DOCUMENTS: Difficulty = Difficulty {
    name: "documents",
    usual: 20,
    range: (4, 200),
    meaning: "documents in the text, one or two of which are needed",
};

/// A question on one document.
pub const QA_1: Entry = Entry {
    code: 13,
    name: "qa_1",
    kind: Kind::Selective,
    measures: "a question on one short document among documents of the same form",
    idea: "RULER (Hsieh et al. 2024), qa_1, which takes documents and questions of SQuAD; ours are made up for each run",
    scoring: "right: the name and no other name of the documents (RULER: any accepted answer stands somewhere in the reply)",
    hay: Hay::Corpus,
    difficulty: &[DOCUMENTS],
    // A person takes two names, the teacher's is one; a town takes its founder's.
    facts: |sizes| 2 * sizes.of(&DOCUMENTS),
    questions: |_| 1,
    speaks: |language| language.has("question"),
    pose: |scene| pose(scene, &ONE),
};

/// A question that two documents answer together.
pub const QA_2: Entry = Entry {
    code: 14,
    name: "qa_2",
    kind: Kind::Chained,
    measures: "a question that two short documents answer together, among documents of the same form",
    idea: "RULER (Hsieh et al. 2024), qa_2, which takes documents and questions of HotpotQA; ours are made up for each run",
    pose: |scene| pose(scene, &TWO),
    ..QA_1
};

/// What is asked of one document, and of two.
const ONE: [&str; 3] = ["ask_birth", "ask_teacher", "ask_home"];
const TWO: [&str; 2] = ["ask_river", "ask_founder"];

struct Person {
    name: String,
    teacher: String,
    /// Where they were born and where they settled, by place in the list of towns.
    born: usize,
    home: usize,
}

struct Town {
    name: String,
    river: String,
    founder: String,
}

/// Half of the documents are about people, half about towns; the first of each is the asked one.
fn pose(scene: &mut Scene<'_>, asks: &[&'static str]) -> Result<Posed> {
    let documents = scene.difficulty(&DOCUMENTS) as usize;
    let people = documents / 2;
    let towns = towns(scene, documents - people)?;
    let people = (0..people)
        .map(|nth| person(scene, nth, towns.len()))
        .collect::<Result<Vec<_>>>()?;
    let ask = *scene.one_of(asks).context("nothing is asked")?;
    let (asked, birth) = (&people[0], &towns[people[0].born]);
    let about_town = TWO.contains(&ask);
    let right = match ask {
        "ask_birth" => &birth.name,
        "ask_teacher" => &asked.teacher,
        "ask_home" => &towns[asked.home].name,
        "ask_river" => &birth.river,
        _ => &birth.founder,
    };
    let is_person = matches!(ask, "ask_teacher" | "ask_founder");
    let mut names: Vec<&String> = match ask {
        "ask_river" => towns.iter().map(|town| &town.river).collect(),
        _ if is_person => towns.iter().map(|town| &town.founder).collect(),
        _ => towns.iter().map(|town| &town.name).collect(),
    };
    if is_person {
        names.extend(
            people
                .iter()
                .flat_map(|person| [&person.name, &person.teacher]),
        );
    }
    names.retain(|name| *name != right && **name != asked.name);
    let question = Question {
        text: scene
            .asked
            .form("question", ask)?
            .fill(&[("name", &asked.name)]),
        key: asked.name.clone(),
        right: Right::one(ValueType::Names, right),
        distractors: names.into_iter().cloned().collect(),
        about: 0,
    };
    let mut sentences = Vec::new();
    for person in &people {
        sentences.push(document_of_person(scene, person, &towns)?);
    }
    let mut of_towns = Vec::new();
    for town in &towns {
        of_towns.push(document_of_town(scene, town)?);
    }
    // The deciding document stands first: it gets the trial's own depth.
    match about_town {
        true => {
            of_towns.swap(0, asked.born);
            of_towns.append(&mut sentences);
            sentences = of_towns;
        }
        false => sentences.append(&mut of_towns),
    }
    Ok(Posed {
        planted: scene.planted(sentences),
        questions: vec![question],
        ..Posed::default()
    })
}

/// A person who was born in one town and settled in another.
fn person(scene: &mut Scene<'_>, nth: usize, towns: usize) -> Result<Person> {
    // The places from the number of towns on: those before are the founders'.
    let place = (towns + 2 * nth) as u64;
    let born = scene.stream.below(towns as u64) as usize;
    let apart = 1 + scene.stream.below(towns as u64 - 1) as usize;
    Ok(Person {
        name: scene.facts.name(scene.nth(place))?,
        teacher: scene.facts.name(scene.nth(place + 1))?,
        born,
        home: (born + apart) % towns,
    })
}

fn towns(scene: &mut Scene<'_>, count: usize) -> Result<Vec<Town>> {
    let names = places(scene, "town_first", "town_last", count)?;
    let rivers = places(scene, "river_first", "river_last", count)?;
    let named = names.into_iter().zip(rivers).enumerate();
    named
        .map(|(nth, (name, river))| {
            Ok(Town {
                name,
                river,
                founder: scene.facts.name(scene.nth(nth as u64))?,
            })
        })
        .collect()
}

/// Different names of places, one of each part.
fn places(scene: &mut Scene<'_>, first: &str, last: &str, count: usize) -> Result<Vec<String>> {
    let told = scene.told;
    let (first, last) = (
        told.words("question", first)?,
        told.words("question", last)?,
    );
    anyhow::ensure!(
        first.len() * last.len() >= 2 * count,
        "{} has too few names of places for {count} towns",
        told.name
    );
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    while names.len() < count {
        let parts = scene.one_of(first).zip(scene.one_of(last));
        let name = parts
            .map(|(first, last)| format!("{first}{last}"))
            .unwrap_or_default();
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    Ok(names)
}

fn document_of_person(scene: &mut Scene<'_>, person: &Person, towns: &[Town]) -> Result<String> {
    let told = scene.told;
    let sex = scene.stream.below(2) as usize;
    let year = year(scene);
    let age = (20 + scene.stream.below(25)).to_string();
    let profession = scene.one_of(told.words("question", "professions")?);
    let fields = [
        ("name", person.name.as_str()),
        ("profession", profession.map_or("", String::as_str)),
        ("town", &towns[person.born].name),
        ("year", &year),
        ("teacher", &person.teacher),
        ("home", &towns[person.home].name),
        ("age", &age),
        ("he", of_sex(told, "he", sex)?),
        ("He", of_sex(told, "He", sex)?),
        ("him", of_sex(told, "him", sex)?),
    ];
    document(scene, "person", ["teacher", "home"], &fields)
}

fn document_of_town(scene: &mut Scene<'_>, town: &Town) -> Result<String> {
    let year = year(scene);
    let goods = scene.one_of(scene.told.words("question", "goods")?);
    let fields = [
        ("town", town.name.as_str()),
        ("river", &town.river),
        ("founder", &town.founder),
        ("year", &year),
        ("goods", goods.map_or("", String::as_str)),
    ];
    document(scene, "place", ["founder", "market"], &fields)
}

/// A first sentence that names what the document is about, and the others in either order.
fn document(
    scene: &mut Scene<'_>,
    first: &str,
    mut others: [&str; 2],
    fields: &[(&str, &str)],
) -> Result<String> {
    scene.stream.shuffle(&mut others);
    let told = scene.told;
    let mut sentences = vec![told.form("question", first)?.fill(fields)];
    for name in others {
        sentences.push(told.form("question", name)?.fill(fields));
    }
    Ok(sentences.join(&told.joint))
}

fn year(scene: &mut Scene<'_>) -> String {
    (1650 + scene.stream.below(250)).to_string()
}

fn of_sex<'l>(language: &'l Language, name: &str, sex: usize) -> Result<&'l str> {
    let words = language.words("question", name)?;
    let word = words.get(sex).or(words.first());
    word.map(String::as_str)
        .with_context(|| format!("{} has no {name}", language.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::golden;

    #[test]
    fn a_question_on_two_documents_is_answered_by_neither_alone() {
        for code in ["en", "zh"] {
            let posed = golden::posed_in(&QA_2, code);
            let question = &posed.questions[0];
            assert_eq!(posed.planted.len(), 20);
            let right = &question.right.values[0];
            let deciding = &posed.planted[question.about].sentence;
            assert!(deciding.contains(right) && !deciding.contains(&question.key));
            let of_person = posed
                .planted
                .iter()
                .find(|p| p.sentence.contains(&question.key));
            let of_person = &of_person.expect("is told").sentence;
            assert!(!of_person.contains(right), "{of_person}");
        }
    }

    #[test]
    fn a_question_on_one_document_is_answered_by_it_and_other_names_are_known() {
        for code in ["en", "zh"] {
            let posed = golden::posed_in(&QA_1, code);
            let question = &posed.questions[0];
            let deciding = &posed.planted[question.about].sentence;
            let right = &question.right.values[0];
            assert!(deciding.contains(right) && deciding.contains(&question.key));
            let others: HashSet<&String> = question.distractors.iter().collect();
            assert!(others.len() >= 9 && !others.contains(right));
        }
    }

    #[test]
    fn prompts_never_change() {
        golden::check(&QA_1);
        golden::check(&QA_2);
    }
}
