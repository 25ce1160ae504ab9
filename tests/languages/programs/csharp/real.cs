// A small language: expressions and loops are parsed, compiled to code for a stack machine, and run.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

enum Op { Push, Load, Store, Add, Subtract, Multiply, Divide, Remainder, Less, Equal, Jump, JumpIfZero, Print }

struct Instruction {
    public readonly Op Op;
    public readonly BigInteger Operand;

    public Instruction(Op op, BigInteger operand) {
        Op = op;
        Operand = operand;
    }
}

class SyntaxError : Exception {
    public SyntaxError(string message) : base(message) { }
}

class Compiler {
    static readonly Dictionary<string, (int Binding, Op Op)> Binary = new Dictionary<string, (int, Op)> {
        ["=="] = (1, Op.Equal),
        ["<"] = (1, Op.Less),
        ["+"] = (2, Op.Add),
        ["-"] = (2, Op.Subtract),
        ["*"] = (3, Op.Multiply),
        ["/"] = (3, Op.Divide),
        ["%"] = (3, Op.Remainder),
    };

    readonly List<string> tokens;
    readonly List<Instruction> code = new List<Instruction>();
    readonly Dictionary<string, int> slots = new Dictionary<string, int>();
    int position;

    Compiler(string source) {
        tokens = Regex.Matches(source, @"\d+|\w+|==|\S").Cast<Match>().Select(match => match.Value).ToList();
    }

    public static List<Instruction> Compile(string source) {
        var compiler = new Compiler(source);
        while (compiler.Next != null) {
            compiler.Statement();
        }
        return compiler.code;
    }

    string Next => position < tokens.Count ? tokens[position] : null;

    string Take() {
        if (Next == null) {
            throw new SyntaxError("unexpected end");
        }
        return tokens[position++];
    }

    void Expect(string token) {
        var found = Take();
        if (found != token) {
            throw new SyntaxError($"expected '{token}', found '{found}'");
        }
    }

    int Emit(Op op, BigInteger operand = default(BigInteger)) {
        code.Add(new Instruction(op, operand));
        return code.Count - 1;
    }

    void Land(int jump) => code[jump] = new Instruction(code[jump].Op, code.Count);

    BigInteger Slot(string name) {
        if (!slots.TryGetValue(name, out var slot)) {
            slots[name] = slot = slots.Count;
        }
        return slot;
    }

    void Statement() {
        var word = Take();
        switch (word) {
            case "{":
                while (Next != "}") {
                    Statement();
                }
                Expect("}");
                break;
            case "print":
                Expression(0);
                Emit(Op.Print);
                Expect(";");
                break;
            case "if":
                Expression(0);
                var skip = Emit(Op.JumpIfZero);
                Statement();
                Land(skip);
                break;
            case "while":
                var start = code.Count;
                Expression(0);
                var leave = Emit(Op.JumpIfZero);
                Statement();
                Emit(Op.Jump, start);
                Land(leave);
                break;
            default:
                Expect("=");
                Expression(0);
                Emit(Op.Store, Slot(word));
                Expect(";");
                break;
        }
    }

    void Expression(int binding) {
        var first = Take();
        if (first == "(") {
            Expression(0);
            Expect(")");
        } else if (char.IsDigit(first[0])) {
            Emit(Op.Push, BigInteger.Parse(first));
        } else {
            Emit(Op.Load, Slot(first));
        }
        while (Next != null && Binary.TryGetValue(Next, out var binary) && binary.Binding > binding) {
            Take();
            Expression(binary.Binding);
            Emit(binary.Op);
        }
    }
}

class Machine {
    readonly Stack<BigInteger> stack = new Stack<BigInteger>();
    readonly BigInteger[] variables = new BigInteger[32];
    public readonly StringBuilder Output = new StringBuilder();
    public long Steps;

    static readonly Dictionary<Op, Func<BigInteger, BigInteger, BigInteger>> Arithmetic =
        new Dictionary<Op, Func<BigInteger, BigInteger, BigInteger>> {
            [Op.Add] = BigInteger.Add,
            [Op.Subtract] = BigInteger.Subtract,
            [Op.Multiply] = BigInteger.Multiply,
            [Op.Divide] = BigInteger.Divide,
            [Op.Remainder] = BigInteger.Remainder,
            [Op.Less] = (left, right) => left < right ? 1 : 0,
            [Op.Equal] = (left, right) => left == right ? 1 : 0,
        };

    public void Run(List<Instruction> code) {
        for (var at = 0; at < code.Count; Steps++) {
            var instruction = code[at++];
            switch (instruction.Op) {
                case Op.Push: stack.Push(instruction.Operand); break;
                case Op.Load: stack.Push(variables[(int)instruction.Operand]); break;
                case Op.Store: variables[(int)instruction.Operand] = stack.Pop(); break;
                case Op.Jump: at = (int)instruction.Operand; break;
                case Op.JumpIfZero: at = stack.Pop().IsZero ? (int)instruction.Operand : at; break;
                case Op.Print: Output.Append(stack.Pop()).Append(' '); break;
                default:
                    var right = stack.Pop();
                    stack.Push(Arithmetic[instruction.Op](stack.Pop(), right));
                    break;
            }
        }
    }
}

class Program {
    static void Main() {
        var programs = new (string Name, string Source)[] {
            ("precedence", "print 2 + 3 * 4 - 10 / 3 % 2; print (2 + 3) * 4; print 10 - 4 - 3;"),
            ("primes", "n = 2; while n < 50 { d = 2; p = 1; while d * d < n + 1 { "
                + "if n % d == 0 p = 0; d = d + 1; } if p print n; n = n + 1; }"),
            ("factorial", "n = 30; f = 1; while 0 < n { f = f * n; n = n - 1; } print f;"),
            ("fibonacci", "a = 0; b = 1; i = 0; while i < 100 { c = a + b; a = b; b = c; i = i + 1; } print a;"),
            ("collatz", "n = 27; s = 0; while 1 < n { if n % 2 == 0 { n = n / 2; s = s + 1; } "
                + "if n % 2 { if 1 < n { n = 3 * n + 1; s = s + 1; } } } print s;"),
        };
        foreach (var program in programs) {
            var machine = new Machine();
            machine.Run(Compiler.Compile(program.Source));
            Console.WriteLine($"{program.Name}: {machine.Output.ToString().TrimEnd()}");
        }
        try {
            Compiler.Compile("print (1 + 2;");
        } catch (SyntaxError error) {
            Console.WriteLine($"error: {error.Message}");
        }
    }
}
