//! Random zones and queries, and what a failure shrinks to.

use super::compare::Pair;
use super::shapes::{ALL, Shape};
use super::strategy::{Question, ZoneText, question, zones};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZero;

/// Pairs of a zone and a query, where the environment does not say how many.
const PAIRS: usize = 20_000;
/// Queries to the same zones, at most.
const QUERIES: usize = 120;
/// Steps of shrinking, at most.
const SHRINKING: u32 = 20_000;

type Case = (ZoneText, Vec<Question>);

/// Runs so many pairs through `check`.
///
/// # Errors
/// The zones and the query that a failure was shrunk to, as text.
fn run(
    pairs: usize,
    seed: u64,
    mut check: impl FnMut(&Pair, &Question) -> Result<(), String>,
) -> Result<usize, String> {
    let config = Config { failure_persistence: None, max_shrink_iters: SHRINKING, ..Config::default() };
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&seed.to_be_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &octets));
    let cases = (zones(), prop::collection::vec(question(), 1..=QUERIES));
    let mut done = 0;
    let checked = std::cell::RefCell::new(&mut check);
    while done < pairs {
        let tree = cases.new_tree(&mut runner).map_err(|reason| reason.to_string())?;
        done += tree.current().1.len();
        let test = |(zones, questions): Case| {
            let pair = Pair::of(&zones);
            let mut check = checked.borrow_mut();
            questions.iter().try_for_each(|question| {
                let question = &question.to(&zones);
                check(&pair, question).map_err(|text| TestCaseError::fail(format!("{question:?}\n{text}")))
            })
        };
        match runner.run_one(tree, test) {
            Ok(_) => {}
            Err(TestError::Fail(reason, (zones, _))) => {
                return Err(format!("seed {seed}\nzones\n{zones:?}query {reason}"));
            }
            Err(TestError::Abort(reason)) => return Err(reason.to_string()),
        }
    }
    Ok(done)
}

/// Every query gets the answer that the slow, obvious way gives.
///
/// - `STREAM_DNS_ORACLE_PAIRS`: how many pairs of a zone and a query, 20,000 by default.
/// - `STREAM_DNS_ORACLE_SEED`: which; by default others each time.
#[test]
fn answers_are_those_of_the_obvious_way() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let pairs = number("STREAM_DNS_ORACLE_PAIRS").map_or(PAIRS, |pairs| pairs as usize);
    let seed = number("STREAM_DNS_ORACLE_SEED").unwrap_or_else(|| RandomState::new().hash_one(pairs) >> 16);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    println!("seed {seed}, {pairs} pairs on {threads} threads");
    let compared: usize = std::thread::scope(|scope| {
        let one = |thread: usize| {
            let compare = |pair: &Pair, question: &Question| pair.compare(question).map(drop);
            let seed = seed.wrapping_add(thread as u64);
            scope.spawn(move || run(pairs.div_ceil(threads), seed, compare))
        };
        let all: Vec<_> = (0..threads).map(one).collect();
        let results = all.into_iter().map(|thread| thread.join().expect("a thread that ends"));
        results.map(|result| result.unwrap_or_else(|failure| panic!("{failure}"))).sum()
    });
    println!("{compared} pairs compared");
    assert!(compared >= pairs);
}

/// What random zones and queries must bring up they do.
#[test]
fn every_shape_comes_up() {
    let mut seen: BTreeMap<Shape, usize> = BTreeMap::new();
    let count = |pair: &Pair, question: &Question| {
        for shape in pair.compare(question)? {
            *seen.entry(shape).or_default() += 1;
        }
        Ok(())
    };
    run(20_000, 0, count).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{seen:#?}");
    for shape in ALL {
        assert!(seen.get(&shape).is_some_and(|count| *count >= 10), "{shape:?} is too rare: {seen:?}");
    }
}

/// A failure is shrunk to the zones and the query that it needs.
#[test]
fn a_failure_is_a_zone_file_and_a_query() {
    let wrong = |pair: &Pair, question: &Question| {
        let shapes = pair.compare(question)?;
        if shapes.contains(&Shape::WildcardAlias) { Err("the defect".to_owned()) } else { Ok(()) }
    };
    let failure = run(100_000, 0, wrong).expect_err("some question meets a CNAME at a wildcard");
    let lines: Vec<&str> = failure.lines().collect();
    let zones: Vec<&&str> = lines.iter().filter(|line| line.starts_with("    ")).collect();
    assert_eq!(zones.len(), 2, "an SOA and a wildcard's CNAME: {failure}");
    assert!(
        zones[0].contains(" SOA ") && zones[1].contains("*.") && zones[1].contains(" CNAME "),
        "{failure}"
    );
    assert!(lines[lines.len() - 2].starts_with("query "), "{failure}");
}
