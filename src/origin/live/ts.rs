//! MPEG transport streams (ISO/IEC 13818-1): moves PCR, PTS and DTS, and writes the pass into a null
//! packet in front.

/// Bytes of a packet.
const PACKET: usize = 188;
/// Times are 33 bits of a 90 kHz clock.
const TIME_MASK: u64 = (1 << 33) - 1;

/// The segment as of a later pass.
pub(super) fn retime(segment: &[u8], pass: u64, moved_us: u64) -> Vec<u8> {
    let ticks = u128::from(moved_us) * 9 / 100;
    let ticks = u64::try_from(ticks & u128::from(TIME_MASK)).unwrap_or(0);
    let mut bytes = vec![0xff; PACKET];
    let mut head = vec![0x47, 0x1f, 0xff, 0x10]; // PID 0x1fff, payload only
    head.extend_from_slice(format!("swarmline pass {pass:010}").as_bytes());
    bytes[..head.len()].copy_from_slice(&head);
    bytes.extend_from_slice(segment);
    for packet in bytes[PACKET..].chunks_exact_mut(PACKET) {
        if packet[0] == 0x47 {
            move_packet(packet, ticks);
        }
    }
    bytes
}

fn move_packet(packet: &mut [u8], ticks: u64) {
    let starts_unit = packet[1] & 0x40 != 0;
    let has_adaptation = packet[3] & 0x20 != 0;
    let has_payload = packet[3] & 0x10 != 0;
    let mut payload = 4;
    if has_adaptation {
        let len = usize::from(packet[4]);
        if len >= 7 && packet[5] & 0x10 != 0 {
            move_pcr(&mut packet[6..11], ticks);
        }
        payload += 1 + len;
    }
    if !(starts_unit && has_payload) {
        return;
    }
    let Some(pes) = packet.get_mut(payload..) else {
        return;
    };
    // A PES packet with an optional header (`10` in front of its flags), not a table.
    if pes.len() < 14 || pes[..3] != [0, 0, 1] || pes[6] & 0xc0 != 0x80 {
        return;
    }
    let flags = pes[7] >> 6;
    if flags & 2 != 0 {
        move_time(&mut pes[9..14], ticks);
    }
    if flags == 3 && pes.len() >= 19 {
        move_time(&mut pes[14..19], ticks);
    }
}

/// 33 bits, then one that belongs to what follows.
fn move_pcr(field: &mut [u8], ticks: u64) {
    let value = field
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte));
    let time = ((value >> 7) + ticks) & TIME_MASK;
    let moved = time << 7 | value & 0x7f;
    field.copy_from_slice(&moved.to_be_bytes()[3..]);
}

/// Four bits, then 3, 15 and 15 bits of time, a marker bit behind each.
fn move_time(field: &mut [u8], ticks: u64) {
    let value = field
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let time = (value >> 33 & 7) << 30 | (value >> 17 & 0x7fff) << 15 | value >> 1 & 0x7fff;
    let time = (time + ticks) & TIME_MASK;
    let markers = value & 0xf1_0001_0001;
    let moved = markers | (time >> 30) << 33 | (time >> 15 & 0x7fff) << 17 | (time & 0x7fff) << 1;
    field.copy_from_slice(&moved.to_be_bytes()[3..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_moved_and_wraps() {
        // PTS 90,000 (one second): 0010 000 1, 15 bits, 1, 15 bits, 1.
        let mut field = [0x21, 0x00, 0x05, 0xbf, 0x21];
        move_time(&mut field, 90_000);
        assert_eq!(field, [0x21, 0x00, 0x0b, 0x7e, 0x41]);
        move_time(&mut field, TIME_MASK + 1 - 180_000);
        assert_eq!(field, [0x21, 0x00, 0x01, 0x00, 0x01]);
    }

    #[test]
    fn a_clock_reference_keeps_the_bits_behind_it() {
        let mut field = [0, 0, 0, 0, 0xfe];
        move_pcr(&mut field, 3);
        assert_eq!(field, [0, 0, 0, 2, 0x7e]);
    }
}
