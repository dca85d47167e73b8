//! Which network addresses are everybody's. A server that asks where a business tells it to must not be talked into
//! asking its own machine, its neighbours, or the cloud it runs in.
//!
//! Source: the IANA special-purpose address registries (RFC 6890 and its updates), read 2026-11.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address and length of each block that is nobody's on the open network.
const NOT_PUBLIC: [(Ipv4Addr, u32); 15] = [
    // This network: on many systems the machine itself.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Shared by a carrier's customers.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local; 169.254.169.254 tells a cloud machine's credentials.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // A cloud's own, at an address that looks like anybody's.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarks, and documentation again.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, broadcast: 224.0.0.0 to the end.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Reachable by anybody, and somebody else's. An IPv6 address that holds an IPv4 one (mapped, translated, tunnelled)
/// is not: what it reaches depends on who translates.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC.iter().any(|(first, length)| holds(*first, *length, address)),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn holds(first: Ipv4Addr, length: u32, address: Ipv4Addr) -> bool {
    (first.to_bits() ^ address.to_bits()).leading_zeros() >= length
}

/// Only 2000::/3 has been given out; within it, blocks for protocols, tunnels and documentation are nobody's.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    match (first, second) {
        // 2001::/23 protocols, Teredo among them; 2001:db8::/32 documentation.
        (0x2001, 0x0000..=0x01ff | 0x0db8) => false,
        // 6to4: an IPv4 address inside.
        (0x2002, _) => false,
        // 3fff::/20 documentation.
        (0x3fff, 0x0000..=0x0fff) => false,
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_open_network_are_public() {
        for (public, addresses) in [
            (true, "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0"),
            (true, "169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255"),
            (true, "192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255 168.63.129.17"),
            (true, "2606:4700:4700::1111 2001:200:: 2001:db7:: 2001:db9:: 2003:: 2a00:: 3fff:1000:: 3ffe::1"),
            (false, "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254"),
            (false, "169.254.0.1 169.254.169.254 168.63.129.16 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192"),
            (false, "192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1"),
            (false, "203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 100.100.100.200"),
            (false, ":: ::1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::8.8.8.8 64:ff9b::808:808 64:ff9b::7f00:1 64:ff9b:1::1"),
            (false, "100::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 2001::1 2001:1ff::1 2001:db8::1"),
            (false, "2002:7f00:1:: 2002:808:808:: 3fff::1 3fff:fff::1 4000::1 5f00::1 1fff::1"),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
            }
        }
    }
}
