"""A small Lisp: read, evaluate, print what its programs come to."""

import math
import operator
import sys
from functools import reduce

PROGRAMS = """
(define (fact n) (if (< n 2) 1 (* n (fact (- n 1)))))
(fact 20)
(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(fib 17)
(define (ack m n)
  (cond ((= m 0) (+ n 1))
        ((= n 0) (ack (- m 1) 1))
        (else (ack (- m 1) (ack m (- n 1))))))
(ack 2 3)
(define (range a b) (if (< a b) (cons a (range (+ a 1) b)) (list)))
(define (map f xs) (if (null? xs) xs (cons (f (car xs)) (map f (cdr xs)))))
(define (filter p xs)
  (cond ((null? xs) xs)
        ((p (car xs)) (cons (car xs) (filter p (cdr xs))))
        (else (filter p (cdr xs)))))
(define (sum xs) (if (null? xs) 0 (+ (car xs) (sum (cdr xs)))))
(define (divides? d n) (= 0 (mod n d)))
(define (prime? n) (null? (filter (lambda (d) (divides? d n)) (range 2 n))))
(length (filter prime? (range 2 100)))
(sum (map (lambda (n) (* n n)) (range 1 11)))
(define (hanoi n) (if (= n 0) 0 (+ 1 (* 2 (hanoi (- n 1))))))
(hanoi 10)
(define (counter) (let ((n 0)) (lambda () (begin (set! n (+ n 1)) n))))
(define tick (counter))
(tick)
(tick)
(define (safe? row placed distance)
  (cond ((null? placed) true)
        ((= row (car placed)) false)
        ((= (abs (- row (car placed))) distance) false)
        (else (safe? row (cdr placed) (+ distance 1)))))
(define (queens left n placed)
  (if (= left 0) 1
      (sum (map (lambda (row)
                  (if (safe? row placed 1) (queens (- left 1) n (cons row placed)) 0))
                (range 0 n)))))
(queens 6 6 (list))
(quote (a "b c" 1.5))
(undefined-name 1)
"""


class Symbol(str):
    """A name, which strings are not."""


class Scope(dict):
    """Names of one call, then those of where it was defined."""

    def __init__(self, names=(), values=(), outer=None):
        super().__init__(zip(names, values, strict=True))
        self.outer = outer

    def holder(self, name):
        scope = self
        while scope is not None:
            if name in scope:
                return scope
            scope = scope.outer
        raise NameError(f"undefined: {name}")


def tokens(text):
    position = 0
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
        elif character in "()":
            yield character
            position += 1
        elif character == '"':
            end = text.index('"', position + 1)
            yield text[position : end + 1]
            position = end + 1
        else:
            end = position
            while end < len(text) and not text[end].isspace() and text[end] not in '()"':
                end += 1
            yield text[position:end]
            position = end


def read(stream):
    token = next(stream)
    if token == "(":
        items = []
        while (item := read(stream)) is not None:
            items.append(item)
        return items
    if token == ")":
        return None
    if token.startswith('"'):
        return token[1:-1]
    for kind in (int, float):
        try:
            return kind(token)
        except ValueError:
            continue
    return Symbol(token)


def evaluate(x, scope):
    while True:
        if isinstance(x, Symbol):
            return scope.holder(x)[x]
        if not isinstance(x, list):
            return x
        match x:
            case ["quote", value]:
                return value
            case ["if", test, then, otherwise]:
                x = then if evaluate(test, scope) else otherwise
            case ["cond", *clauses]:
                x = next(
                    body for test, body in clauses if test == "else" or evaluate(test, scope)
                )
            case ["define", [name, *names], body]:
                scope[name] = function(names, body, scope)
                return None
            case ["define", name, value]:
                scope[name] = evaluate(value, scope)
                return None
            case ["set!", name, value]:
                scope.holder(name)[name] = evaluate(value, scope)
                return None
            case ["lambda", names, body]:
                return function(names, body, scope)
            case ["let", bindings, body]:
                names, values = zip(*bindings, strict=True)
                scope = Scope(names, [evaluate(value, scope) for value in values], scope)
                x = body
            case ["begin", *first, last]:
                for item in first:
                    evaluate(item, scope)
                x = last
            case [called, *arguments]:
                return evaluate(called, scope)(*[evaluate(each, scope) for each in arguments])


def function(names, body, scope):
    return lambda *values: evaluate(body, Scope(names, values, scope))


def show(value):
    if isinstance(value, list):
        return "(" + " ".join(map(show, value)) + ")"
    if isinstance(value, str) and not isinstance(value, Symbol):
        return f'"{value}"'
    return str(value)


GLOBAL = Scope()
GLOBAL.update({
    "+": lambda *xs: sum(xs),
    "*": lambda *xs: math.prod(xs),
    "-": lambda *xs: reduce(operator.sub, xs),
    "<": operator.lt,
    "=": operator.eq,
    "mod": operator.mod,
    "abs": abs,
    "cons": lambda head, tail: [head, *tail],
    "car": lambda xs: xs[0],
    "cdr": lambda xs: xs[1:],
    "list": lambda *xs: list(xs),
    "length": len,
    "null?": lambda xs: xs == [],
    "true": True,
    "false": False,
})

sys.setrecursionlimit(10_000)
stream = tokens(PROGRAMS)
while True:
    try:
        result = evaluate(read(stream), GLOBAL)
    except StopIteration:
        break
    except NameError as error:
        print("error:", error)
    else:
        if result is not None:
            print(show(result))
