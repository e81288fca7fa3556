//! bAbI's world: people go about and hand things on through the whole text; asked is how it ends.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene};
use crate::answer::{Right, ValueType};
use crate::language::Language;
use anyhow::{Context, Result, bail};

const MOVES: Difficulty = Difficulty {
    name: "moves",
    usual: 10,
    range: (2, 60),
    meaning: "sentences in which somebody goes, takes, sends or lays down",
};
const PEOPLE: u64 = 4;
/// A story of this many opens with everybody going somewhere: many places make a guess wrong.
const OPENED_MOVES: usize = 8;
/// Fewer things that somebody does not hold make a guess of those held too easy.
const LEAST_OTHERS: usize = 3;

/// Who holds what, and where, at the end.
pub const STATE: Entry = Entry {
    code: 80,
    name: "state",
    kind: Kind::Chained,
    measures: "who holds a thing and where at the end of a story, or in long ones which things somebody holds",
    idea: "bAbI (Weston et al. 2015), tasks 2 and 8, in long texts as in BABILong (Kuratov et al. 2024); sentences of our own",
    scoring: "right: holder and place, or all things held, and no other; in part: those that are right over those expected or named; who guesses among the names of a text of 10 moves is right about once in 17",
    hay: Hay::Corpus,
    difficulty: &[MOVES],
    facts: |_| PEOPLE,
    questions: |_| 1,
    speaks: |language| language.has("state"),
    pose,
};

/// One sentence of the story; people, things and places by their number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Move {
    Go {
        who: usize,
        place: usize,
    },
    Take {
        who: usize,
        thing: usize,
    },
    Send {
        from: usize,
        thing: usize,
        to: usize,
    },
    Lay {
        who: usize,
        thing: usize,
    },
}

impl Move {
    /// Its sentence.
    fn told(
        self,
        language: &Language,
        names: &[String],
        things: &[String],
        places: &[String],
    ) -> Result<String> {
        let form = |name: &str| language.form("state", name);
        Ok(match self {
            Move::Go { who, place } => {
                form("go")?.fill(&[("name", &names[who]), ("place", &places[place])])
            }
            Move::Take { who, thing } => {
                form("take")?.fill(&[("name", &names[who]), ("thing", &things[thing])])
            }
            Move::Lay { who, thing } => {
                form("lay")?.fill(&[("name", &names[who]), ("thing", &things[thing])])
            }
            Move::Send { from, thing, to } => form("send")?.fill(&[
                ("name", &names[from]),
                ("thing", &things[thing]),
                ("to", &names[to]),
            ]),
        })
    }
}

/// Where a thing is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lies {
    Unseen,
    With(usize),
    At(usize),
}

/// How things stand.
struct World {
    /// Where each of the people is, as far as the text tells.
    places: Vec<Option<usize>>,
    things: Vec<Lies>,
    /// How many places there are.
    size: usize,
}

impl World {
    fn apply(&mut self, step: Move) {
        match step {
            Move::Go { who, place } => self.places[who] = Some(place),
            Move::Take { who, thing } => self.things[thing] = Lies::With(who),
            Move::Send { thing, to, .. } => self.things[thing] = Lies::With(to),
            Move::Lay { who, thing } => {
                if let Some(place) = self.places[who] {
                    self.things[thing] = Lies::At(place);
                }
            }
        }
    }

    /// Somebody of whom the text tells where they are, or anybody where it tells of nobody.
    fn somebody_placed(&self, scene: &mut Scene<'_>, but: Option<usize>) -> usize {
        let others = |who: &usize| Some(*who) != but;
        let all: Vec<usize> = (0..self.places.len()).filter(others).collect();
        let placed: Vec<usize> = all
            .iter()
            .copied()
            .filter(|who| self.places[*who].is_some())
            .collect();
        let of = if placed.is_empty() { &all } else { &placed };
        scene.one_of(of).copied().unwrap_or(0)
    }

    /// Somebody who must go somewhere before `thing` can be sent on to a known place.
    fn lacking(&self, thing: usize) -> Option<usize> {
        let Lies::With(from) = self.things[thing] else {
            return None;
        };
        let mut others = (0..self.places.len()).filter(|who| *who != from);
        let nobody = others.clone().all(|who| self.places[who].is_none());
        others.next().filter(|_| nobody)
    }

    fn go(&self, scene: &mut Scene<'_>, who: usize) -> Move {
        let elsewhere: Vec<usize> = (0..self.size)
            .filter(|place| self.places[who] != Some(*place))
            .collect();
        let place = scene.one_of(&elsewhere).copied().unwrap_or(0);
        Move::Go { who, place }
    }

    /// Any move; `kept` is a thing that stays where it is if it was handed on for the last time,
    /// and is laid down nowhere.
    fn any(&self, scene: &mut Scene<'_>, kept: usize, kept_is_fixed: bool) -> Move {
        let free = |thing: usize| thing != kept || !kept_is_fixed;
        let (mut takes, mut sends, mut lays) = (Vec::new(), Vec::new(), Vec::new());
        for (thing, lies) in self.things.iter().enumerate() {
            for who in 0..self.places.len() {
                match *lies {
                    Lies::Unseen if free(thing) => takes.push(Move::Take { who, thing }),
                    Lies::At(place) if self.places[who] == Some(place) => {
                        takes.push(Move::Take { who, thing });
                    }
                    Lies::With(from) if from != who && free(thing) => {
                        sends.push(Move::Send {
                            from,
                            thing,
                            to: who,
                        });
                    }
                    Lies::With(from)
                        if from == who && thing != kept && self.places[who].is_some() =>
                    {
                        lays.push(Move::Lay { who, thing });
                    }
                    _ => {}
                }
            }
        }
        let moves = match scene.stream.below(10) {
            0..4 => Vec::new(),
            4..7 => takes,
            7..9 => sends,
            _ => lays,
        };
        let who = scene.stream.below(self.places.len() as u64) as usize;
        match scene.one_of(&moves) {
            Some(step) => *step,
            None => self.go(scene, who),
        }
    }

    /// The move that hands `thing` on for the last time.
    fn last_of(&self, scene: &mut Scene<'_>, thing: usize) -> Move {
        match self.things[thing] {
            Lies::With(from) => Move::Send {
                from,
                thing,
                to: self.somebody_placed(scene, Some(from)),
            },
            _ => Move::Take {
                who: self.somebody_placed(scene, None),
                thing,
            },
        }
    }
}

/// The story: its moves, the thing that the question hangs on, and how all stands at the end. The
/// move `own` is the last that hands that thing on.
fn story(
    scene: &mut Scene<'_>,
    count: usize,
    own: usize,
    things: usize,
    places: usize,
) -> (Vec<Move>, usize, World) {
    let mut world = World {
        places: vec![None; PEOPLE as usize],
        things: vec![Lies::Unseen; things],
        size: places,
    };
    let kept = scene.stream.below(things as u64) as usize;
    let mut moves: Vec<Move> = Vec::new();
    for nth in 0..count {
        let holder = match world.things[kept] {
            Lies::With(who) => who,
            _ => 0,
        };
        let step = if nth == own {
            world.last_of(scene, kept)
        } else if own == 0 && nth == 1 {
            // Where the holder is must be told, before the last handing on or right behind it.
            world.go(scene, holder)
        } else if nth == 0 || count >= OPENED_MOVES && nth < PEOPLE as usize && nth < own {
            world.go(scene, nth)
        } else if let Some(who) = world.lacking(kept).filter(|_| nth + 1 == own) {
            world.go(scene, who)
        } else {
            world.any(scene, kept, nth + 1 >= own)
        };
        world.apply(step);
        moves.push(step);
    }
    (moves, kept, world)
}

fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let count = scene.difficulty(&MOVES) as usize;
    let (told, asked) = (scene.told, scene.asked);
    let (things, places) = (
        told.words("state", "things")?,
        told.words("state", "places")?,
    );
    let names: Vec<String> = (0..PEOPLE)
        .map(|nth| scene.facts.name(scene.nth(nth)))
        .collect::<Result<_>>()?;
    let things: Vec<String> = scene.some_of(things, 6).into_iter().cloned().collect();
    let places: Vec<String> = scene.some_of(places, 6).into_iter().cloned().collect();
    let (depths, own) = scene.ascending(count);
    let (moves, kept, world) = story(scene, count, own, things.len(), places.len());
    let mut posed = Posed::default();
    for (step, &depth_percent) in moves.iter().zip(&depths) {
        posed.planted.push(Planted {
            sentence: step.told(told, &names, &things, &places)?,
            depth_percent,
        });
    }
    let Lies::With(holder) = world.things[kept] else {
        bail!("nobody holds the thing that is asked for");
    };
    let stands = |text: &String| {
        posed
            .planted
            .iter()
            .any(|told| told.sentence.contains(text.as_str()))
    };
    let held: Vec<String> = (0..things.len())
        .filter(|thing| world.things[*thing] == Lies::With(holder))
        .map(|thing| things[thing].clone())
        .collect();
    let others = things
        .iter()
        .filter(|thing| !held.contains(thing) && stands(thing));
    let others: Vec<String> = others.cloned().collect();
    let is_open = held.len() > 1 && others.len() >= LEAST_OTHERS;
    let question = match is_open && scene.stream.below(4) > 0 {
        false => {
            // Told by construction: the holder went somewhere before, or goes right behind.
            let place = world.places[holder].map(|place| &places[place]);
            let place = place.context("nobody knows where the thing is that is asked for")?;
            let values = vec![names[holder].clone(), place.clone()];
            let others = names
                .iter()
                .chain(&places)
                .filter(|text| !values.contains(text) && stands(text));
            Question {
                text: asked
                    .form("state", "who")?
                    .fill(&[("thing", &things[kept])]),
                key: things[kept].clone(),
                distractors: others.cloned().collect(),
                right: Right::all(ValueType::Names, values),
                about: own,
            }
        }
        true => Question {
            text: asked
                .form("state", "what")?
                .fill(&[("name", &names[holder])]),
            key: names[holder].clone(),
            distractors: others,
            right: Right::all(ValueType::Names, held),
            about: own,
        },
    };
    posed.questions.push(question);
    Ok(posed)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_sentences_are_those_that_were_kept() {
        golden::check(&STATE);
    }

    #[test]
    fn the_deciding_sentence_is_the_last_that_hands_the_thing_on_and_stands_at_the_depth_of_the_trial()
     {
        for language in golden::languages(&STATE) {
            let form = |name: &str| language.form("state", name).expect("a form");
            for secret in 1..200 {
                let moves = [2, 3, 10, 60][secret as usize % 4];
                let depth_percent = [0.0, 37.0, 100.0][secret as usize % 3];
                let asked = BTreeMap::from([("moves".into(), moves)]);
                let posed = golden::posed(&STATE, language, secret, depth_percent, &asked);
                assert_eq!(posed.planted.len() as u64, moves);
                let question = &posed.questions[0];
                let own = &posed.planted[question.about];
                assert_eq!(own.depth_percent, depth_percent);
                let handed =
                    [form("take"), form("send"), form("lay")].map(|form| form.find(&own.sentence));
                let handed = handed.into_iter().flatten().next().expect("hands on");
                for later in &posed.planted[question.about + 1..] {
                    let gone = form("go").find(&later.sentence);
                    assert!(
                        !gone.is_empty() || !later.sentence.contains(handed.field("thing")),
                        "{}",
                        later.sentence
                    );
                }
                assert!(!question.right.values.is_empty());
            }
        }
    }

    #[test]
    fn who_guesses_among_the_names_of_the_text_is_seldom_right() {
        let english = Language::named("en").expect("is read");
        let of = |n: usize, k: usize| -> f64 {
            (0..k).map(|at| (n - at) as f64 / (at + 1) as f64).product()
        };
        let count = 200_u64;
        let chances = (1..=count).map(|secret| {
            let posed = golden::posed(&STATE, english, secret, 60.0, &BTreeMap::new());
            let question = &posed.questions[0];
            let text: Vec<&str> = posed
                .planted
                .iter()
                .map(|told| told.sentence.as_str())
                .collect();
            let text = text.join(" ");
            let stands = |list: &str| {
                let words = english.words("state", list).expect("a list");
                words
                    .iter()
                    .filter(|word| text.contains(word.as_str()))
                    .count()
            };
            match question.key.contains(' ') {
                true => {
                    let places = stands("places");
                    1.0 / ((question.distractors.len() + 2 - places) * places) as f64
                }
                false => 1.0 / of(stands("things"), question.right.values.len()),
            }
        });
        let mean = chances.sum::<f64>() / count as f64;
        assert!(mean < 0.07, "{mean}");
    }

    #[test]
    fn long_stories_are_asked_for_both_a_holder_and_what_is_held() {
        for language in golden::languages(&STATE) {
            let asked = BTreeMap::from([("moves".into(), 30)]);
            let several = (1..60).filter(|secret| {
                let posed = golden::posed(&STATE, language, *secret, 60.0, &asked);
                let key = &posed.questions[0].key;
                !language
                    .words("state", "things")
                    .expect("a list")
                    .contains(key)
            });
            let several = several.count();
            assert!((5..55).contains(&several), "{several}");
        }
    }

    #[test]
    fn no_thing_or_place_is_part_of_another() {
        for language in golden::languages(&STATE) {
            let list = |name: &str| language.words("state", name).expect("a list");
            let all: Vec<&String> = list("things").iter().chain(list("places")).collect();
            for one in &all {
                let within = all.iter().filter(|other| other.contains(one.as_str()));
                assert_eq!(within.count(), 1, "{one}");
            }
        }
    }
}
