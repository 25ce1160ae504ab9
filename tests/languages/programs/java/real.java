// Conway's Game of Life on an endless plane: patterns whose fate is known, followed to it.
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

public class Life {
    record Cell(int x, int y) {
        Cell moved(int dx, int dy) {
            return new Cell(x + dx, y + dy);
        }
    }

    record Pattern(String name, String picture) {
        Set<Cell> cells() {
            List<String> rows = picture.lines().toList();
            return IntStream.range(0, rows.size())
                    .boxed()
                    .flatMap(y -> IntStream.range(0, rows.get(y).length())
                            .filter(x -> rows.get(y).charAt(x) == '#')
                            .mapToObj(x -> new Cell(x, y)))
                    .collect(Collectors.toUnmodifiableSet());
        }
    }

    /** What became of a pattern: a shape that comes back, perhaps elsewhere, or nothing of the kind. */
    sealed interface Fate {
        record Dead(int generation) implements Fate {
        }

        record Returns(int period, int dx, int dy) implements Fate {
        }

        record Open(int generation, int population) implements Fate {
        }

        default String describe() {
            return switch (this) {
                case Dead(int generation) -> "dead after " + generation;
                case Returns(int period, int dx, int dy) when dx == 0 && dy == 0 && period == 1 -> "still";
                case Returns(int period, int dx, int dy) when dx == 0 && dy == 0 -> "period " + period;
                case Returns(int period, int dx, int dy) -> "moves (" + dx + ", " + dy + ") in " + period;
                case Open(int generation, int population) -> population + " cells after " + generation;
            };
        }
    }

    private static Set<Cell> next(Set<Cell> living) {
        Map<Cell, Integer> neighbours = new HashMap<>(living.size() * 8);
        for (Cell cell : living) {
            for (int dx = -1; dx <= 1; dx++) {
                for (int dy = -1; dy <= 1; dy++) {
                    if (dx != 0 || dy != 0) {
                        neighbours.merge(cell.moved(dx, dy), 1, Integer::sum);
                    }
                }
            }
        }
        Set<Cell> born = new HashSet<>();
        neighbours.forEach((cell, count) -> {
            if (count == 3 || count == 2 && living.contains(cell)) {
                born.add(cell);
            }
        });
        return born;
    }

    private static Cell corner(Set<Cell> cells) {
        int left = Collections.min(cells.stream().map(Cell::x).toList());
        int top = Collections.min(cells.stream().map(Cell::y).toList());
        return new Cell(left, top);
    }

    private static Set<Cell> atOrigin(Set<Cell> cells) {
        Cell corner = corner(cells);
        return cells.stream().map(cell -> cell.moved(-corner.x(), -corner.y())).collect(Collectors.toSet());
    }

    private static Fate follow(Set<Cell> first, int generations) {
        Set<Cell> shape = atOrigin(first);
        Cell start = corner(first);
        Set<Cell> living = first;
        for (int generation = 1; generation <= generations; generation++) {
            living = next(living);
            if (living.isEmpty()) {
                return new Fate.Dead(generation);
            }
            if (living.size() == first.size() && atOrigin(living).equals(shape)) {
                Cell now = corner(living);
                return new Fate.Returns(generation, now.x() - start.x(), now.y() - start.y());
            }
        }
        return new Fate.Open(generations, living.size());
    }

    private static String census(Set<Cell> living) {
        Set<Cell> left = new HashSet<>(living);
        Map<Integer, Integer> sizes = new HashMap<>();
        while (!left.isEmpty()) {
            sizes.merge(removeIsland(left, left.iterator().next()), 1, Integer::sum);
        }
        return sizes.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(entry -> entry.getValue() + "x" + entry.getKey())
                .collect(Collectors.joining(" "));
    }

    private static int removeIsland(Set<Cell> cells, Cell cell) {
        if (!cells.remove(cell)) {
            return 0;
        }
        IntUnaryOperator column = n -> n % 3 - 1;
        IntUnaryOperator row = n -> n / 3 - 1;
        return 1 + IntStream.range(0, 9)
                .map(n -> removeIsland(cells, cell.moved(column.applyAsInt(n), row.applyAsInt(n))))
                .sum();
    }

    public static void main(String[] arguments) {
        var patterns = List.of(
                new Pattern("block", """
                        ##
                        ##
                        """),
                new Pattern("pulsar seed", """
                        #####
                        #...#
                        """),
                new Pattern("toad", """
                        .###
                        ###.
                        """),
                new Pattern("glider", """
                        .#.
                        ..#
                        ###
                        """),
                new Pattern("lightweight spaceship", """
                        .#..#
                        #....
                        #...#
                        ####.
                        """),
                new Pattern("pentadecathlon", """
                        ..#....#..
                        ##.####.##
                        ..#....#..
                        """),
                new Pattern("diehard", """
                        ......#.
                        ##......
                        .#...###
                        """));
        for (Pattern pattern : patterns) {
            System.out.printf("%s: %s%n", pattern.name(), follow(pattern.cells(), 200).describe());
        }
        Set<Cell> living = new Pattern("R-pentomino", ".##\n##.\n.#.\n").cells();
        for (int generation = 0; generation < 1103; generation++) {
            living = next(living);
        }
        System.out.printf("R-pentomino: %d cells, islands %s%n", living.size(), census(living));
    }
}
