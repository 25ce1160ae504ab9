// Whole numbers of any size, by hand: pi to 200 digits, factorials, powers and a Mersenne prime.
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Mul, Sub};

const BASE: u64 = 1_000_000_000;

/// A natural number, its digits to the base 10^9, the least first, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Natural(Vec<u32>);

impl Natural {
    fn trimmed(mut digits: Vec<u32>) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
        }
        Natural(digits)
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn divided(&self, divisor: u64) -> (Natural, u64) {
        let mut rest = 0u64;
        let mut quotient = vec![0; self.0.len()];
        for (index, &digit) in self.0.iter().enumerate().rev() {
            let value = rest * BASE + u64::from(digit);
            quotient[index] = (value / divisor) as u32;
            rest = value % divisor;
        }
        (Natural::trimmed(quotient), rest)
    }

    fn power(&self, mut exponent: u32) -> Natural {
        let (mut result, mut square) = (Natural::from(1), self.clone());
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = &result * &square;
            }
            square = &square * &square;
            exponent >>= 1;
        }
        result
    }

    fn digit_sum(&self) -> u32 {
        self.to_string().chars().filter_map(|digit| digit.to_digit(10)).sum()
    }
}

impl From<u64> for Natural {
    fn from(value: u64) -> Self {
        let mut digits = Vec::new();
        let mut left = value;
        while left > 0 {
            digits.push((left % BASE) as u32);
            left /= BASE;
        }
        Natural(digits)
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Add for &Natural {
    type Output = Natural;

    fn add(self, other: &Natural) -> Natural {
        let length = self.0.len().max(other.0.len());
        let mut carry = 0;
        let mut sum = Vec::with_capacity(length + 1);
        for index in 0..length {
            let digit = |number: &Natural| u64::from(number.0.get(index).copied().unwrap_or(0));
            let value = digit(self) + digit(other) + carry;
            sum.push((value % BASE) as u32);
            carry = value / BASE;
        }
        sum.push(carry as u32);
        Natural::trimmed(sum)
    }
}

impl Sub for &Natural {
    type Output = Natural;

    fn sub(self, other: &Natural) -> Natural {
        assert!(self >= other, "a natural number is not below zero");
        let mut borrow = 0;
        let mut difference = Vec::with_capacity(self.0.len());
        for (index, &digit) in self.0.iter().enumerate() {
            let value = i64::from(digit) - i64::from(other.0.get(index).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(value < 0);
            difference.push((value + borrow * BASE as i64) as u32);
        }
        Natural::trimmed(difference)
    }
}

impl Mul for &Natural {
    type Output = Natural;

    fn mul(self, other: &Natural) -> Natural {
        let mut product = vec![0u32; self.0.len() + other.0.len()];
        for (low, &left) in self.0.iter().enumerate() {
            let mut carry = 0;
            for (high, &right) in other.0.iter().enumerate() {
                let value = u64::from(product[low + high]) + u64::from(left) * u64::from(right) + carry;
                product[low + high] = (value % BASE) as u32;
                carry = value / BASE;
            }
            product[low + other.0.len()] = carry as u32;
        }
        Natural::trimmed(product)
    }
}

impl fmt::Display for Natural {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let mut digits = self.0.iter().rev();
        write!(formatter, "{}", digits.next().unwrap_or(&0))?;
        digits.try_for_each(|digit| write!(formatter, "{digit:09}"))
    }
}

/// The arc tangent of 1/x, times `unit`, by its series.
fn inverse_tangent(x: u64, unit: &Natural) -> Natural {
    let mut power = unit.divided(x).0;
    let (mut plus, mut minus) = (Natural::from(0), Natural::from(0));
    let mut odd = 1;
    while !power.is_zero() {
        let term = power.divided(odd).0;
        let side = if odd % 4 == 1 { &mut plus } else { &mut minus };
        *side = &*side + &term;
        power = power.divided(x * x).0;
        odd += 2;
    }
    &plus - &minus
}

/// Machin's formula, with ten digits more than are asked for.
fn pi(digits: u32) -> Natural {
    let unit = Natural::from(10).power(digits + 10);
    let quarter = &(&Natural::from(4) * &inverse_tangent(5, &unit)) - &inverse_tangent(239, &unit);
    let whole = &Natural::from(4) * &quarter;
    whole.divided(100_000).0.divided(100_000).0
}

fn factorial(n: u64) -> Natural {
    (2..=n).map(Natural::from).fold(Natural::from(1), |product, factor| &product * &factor)
}

fn main() {
    let digits = pi(200).to_string();
    println!("pi = {}.{}", &digits[..1], &digits[1..]);
    println!("25! = {}", factorial(25));
    println!("digits of 1000!: {}, their sum: {}", factorial(1000).to_string().len(), factorial(1000).digit_sum());
    println!("digit sum of 2^1000: {}", Natural::from(2).power(1000).digit_sum());
    println!("2^127 - 1 = {}", &Natural::from(2).power(127) - &Natural::from(1));
    println!("2^64 mod 97 = {}", Natural::from(2).power(64).divided(97).1);
}
