//! How the options of a sweep are read.

use super::*;

#[test]
fn lengths_are_read_as_lists_and_ranges() {
    assert_eq!(lengths("4k,128k", None).expect("list"), [4000, 128_000]);
    assert_eq!(
        lengths("1k..8k", None).expect("range"),
        [1000, 2000, 4000, 8000]
    );
    assert_eq!(
        lengths("1k..10M", Some(5)).expect("range"),
        [1000, 10_000, 100_000, 1_000_000, 10_000_000]
    );
    for bad in ["", "8k..4k", "x", "5", "1k..", "0"] {
        assert!(lengths(bad, None).is_err(), "{bad}");
    }
}

#[test]
fn default_lengths_double_up_to_the_window_and_leave_room_for_the_answer() {
    assert_eq!(
        default_lengths(Some(8192), 64),
        [512, 1024, 2048, 4096, 8112]
    );
    assert_eq!(default_lengths(Some(5000), 64), [512, 1024, 2048, 4096]);
    assert_eq!(default_lengths(None, 64).last(), Some(&32_768));
    assert_eq!(default_lengths(Some(300), 64), [512]);
}
