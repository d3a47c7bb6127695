use proptest::prelude::*;

use super::*;

const BEGIN: u64 = 1_790_000_000_000;

fn marks_of(pairs: impl IntoIterator<Item = (u64, u64)>) -> Marks {
    let mut marks = Marks::default();
    for (offset, at_ms) in pairs {
        let _ = marks.push(offset, at_ms);
    }
    marks
}

fn pairs(marks: &Marks) -> Vec<(u64, u64)> {
    marks.iter().map(|mark| (mark.offset, mark.at_ms)).collect()
}

#[test]
fn a_mark_says_when_a_length_was_reached() {
    let marks = marks_of([(0, 1), (5, 10), (5, 20), (9, 7), (12, 30)]);

    // an empty output has none, the same length none again, and the clock may be set back
    assert_eq!(pairs(&marks), [(5, 10), (9, 10), (12, 30)]);
    assert_eq!(marks.precision_ms(), 100);
}

#[test]
fn an_output_that_was_cut_begins_anew() {
    let mut marks = marks_of([(5, 10), (50, 20)]);

    assert_eq!(marks.push(7, 30), Change::Rewritten);
    assert_eq!(pairs(&marks), [(7, 30)]);
    assert_eq!(marks.push(0, 40), Change::Rewritten);
    assert!(marks.is_empty());
}

#[test]
fn a_few_marks_take_a_few_bytes() {
    let marks = marks_of([(80, BEGIN), (160, BEGIN + 1000), (240, BEGIN + 2000)]);

    assert!(marks.encode().len() <= 2 + 8 + 2 * 4, "{}", marks.encode().len());
    assert_eq!(Marks::default().encode().len(), 2);
}

#[test]
fn an_output_of_a_month_has_marks_of_a_coarser_grain() {
    let mut marks = Marks::default();
    for second in 0..30 * 86_400 {
        let _ = marks.push((second + 1) * 60, BEGIN + second * 1000);
    }

    assert!(marks.len() <= MAX_MARKS && marks.len() > MAX_MARKS / 4, "{}", marks.len());
    assert!(marks.encode().len() < 48 << 10, "{}", marks.encode().len());
    assert!(marks.precision_ms() < 30 * 86_400_000 / (MAX_MARKS as u64 / 4), "{}", marks.precision_ms());
    assert_eq!(
        marks.last(),
        Some(Mark { offset: 30 * 86_400 * 60, at_ms: BEGIN + (30 * 86_400 - 1) * 1000 })
    );
}

#[test]
fn what_is_older_than_the_start_is_not_of_this_output() {
    let marks = marks_of([(5, 10), (9, 20), (12, 30)]).since(20);

    assert_eq!(pairs(&marks), [(9, 20), (12, 30)]);
}

#[test]
fn senseless_bytes_are_no_marks() {
    let whole = marks_of([(5, BEGIN), (9, BEGIN + 5)]).encode();
    let endless = [&[VERSION][..], &[0xff; 40][..]].concat();
    let too_many = [&[VERSION, 0][..], &[1, 1].repeat(MAX_MARKS + 1)].concat();
    let standing = [VERSION, 0, 5, 5, 0, 5];
    for bytes in [&[][..], &[9, 0], &[VERSION], &whole[..whole.len() - 1], &endless, &too_many, &standing] {
        assert_eq!(Marks::decode(bytes), Err(NotMarks), "{bytes:?}");
    }
    assert_eq!(pairs(&Marks::salvage(&whole[..whole.len() - 1])), [(5, BEGIN)]);
    assert!(Marks::salvage(&[]).is_empty());
}

/// Outputs of any pace: bursts, pauses of hours, cuts.
fn growth() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let step = (1u64..5000, prop_oneof![1u64..200, 1u64..200, 1u64..200, 1000u64..10_000_000]);
    prop::collection::vec(step, 0..20_000).prop_map(|steps| {
        let grow = |(offset, at): &mut (u64, u64), (more, later): (u64, u64)| {
            (*offset, *at) = (*offset + more, *at + later);
            Some((*offset, *at))
        };
        steps.into_iter().scan((0, BEGIN), grow).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn thinning_keeps_order_and_number_and_the_promised_precision(all in growth()) {
        let marks = marks_of(all.clone());

        let kept = pairs(&marks);
        prop_assert!(kept.len() <= MAX_MARKS);
        prop_assert!(kept.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
        prop_assert_eq!(kept.last(), all.last());
        for (offset, at) in &all {
            let found = kept[kept.partition_point(|mark| mark.0 < *offset)];
            prop_assert!(found.1 >= *at && found.1 - at <= marks.precision_ms(), "{found:?} for {at}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_only_grows(all in growth()) {
        let mut marks = Marks::default();
        let mut written: Vec<u8> = Vec::new();
        for (n, (offset, at)) in all.into_iter().enumerate() {
            let change = marks.push(offset, at);
            if change == Change::Rewritten {
                written.clear();
            } else if n % 997 == 0 {
                let now = marks.encode_settled();
                prop_assert!(now.starts_with(&written));
                written = now;
            }
        }

        let bytes = marks.encode();
        prop_assert!(bytes.len() <= MAX_MARKS_BYTES);
        prop_assert_eq!(Marks::decode(&bytes), Ok(marks));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let marks = Marks::salvage(&bytes);
        prop_assert!(marks.iter().count() <= MAX_MARKS);
        let _ = Marks::decode(&bytes);
    }
}
