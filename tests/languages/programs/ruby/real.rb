# Sudokus, solved as an exact cover by Knuth's algorithm X, with sets in hashes for dancing links.
require "set"

class ExactCover
  attr_reader :steps

  # rows: name => the columns that it covers
  def initialize(rows)
    @rows = rows
    @columns = Hash.new { |columns, column| columns[column] = Set.new }
    rows.each { |name, covered| covered.each { |column| @columns[column] << name } }
    @chosen = []
    @steps = 0
  end

  def choose(name)
    raise ArgumentError, "#{name.inspect} contradicts what was given" unless available?(name)

    select(name)
    @chosen << name
  end

  def each_solution(&block)
    return enum_for(:each_solution) unless block

    search(&block)
  end

  private

  def available?(name)
    @rows.fetch(name).all? { |column| @columns.key?(column) && @columns[column].include?(name) }
  end

  def search(&block)
    @steps += 1
    return yield(@chosen.dup) if @columns.empty?

    column = @columns.min_by { |_, names| names.size }.first
    @columns[column].sort.each do |name|
      @chosen.push(name)
      removed = select(name)
      search(&block)
      restore(name, removed)
      @chosen.pop
    end
  end

  def select(name)
    @rows[name].map do |column|
      @columns[column].each do |other|
        @rows[other].each { |crossed| @columns[crossed].delete(other) unless crossed == column }
      end
      @columns.delete(column)
    end
  end

  def restore(name, removed)
    @rows[name].reverse.zip(removed.reverse) do |column, names|
      @columns[column] = names
      names.each do |other|
        @rows[other].each { |crossed| @columns[crossed] << other unless crossed == column }
      end
    end
  end
end

class Sudoku
  Contradiction = Class.new(StandardError)
  DIGITS = (1..9).freeze

  ROWS = DIGITS.to_a.repeated_permutation(3).to_h do |row, column, digit|
    box = (row - 1) / 3 * 3 + (column - 1) / 3 + 1
    [[row, column, digit], [[:cell, row, column], [:row, row, digit], [:column, column, digit], [:box, box, digit]]]
  end.freeze

  def initialize(text)
    @text = text.delete("^0-9.")
    raise ArgumentError, "a sudoku has 81 cells, not #{@text.size}" unless @text.size == 81
  end

  def clues = @text.count("1-9")

  def solutions(limit)
    cover = ExactCover.new(ROWS)
    @text.each_char.with_index do |char, index|
      cover.choose([index / 9 + 1, index % 9 + 1, char.to_i]) if char.between?("1", "9")
    end
    cover.each_solution.lazy.map { |cells| cells.sort.map(&:last).join }.first(limit)
  rescue ArgumentError => error
    raise Contradiction, error.message
  end
end

def valid?(solution)
  grid = solution.chars.each_slice(9).to_a
  boxes = grid.each_slice(3).flat_map { |band| band.transpose.each_slice(3).map(&:flatten) }
  (grid + grid.transpose + boxes).all? { |unit| unit.sort.join == "123456789" }
end

PUZZLES = {
  "newspaper" => <<~GRID,
    53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79
  GRID
  "hard" => <<~GRID,
    8........ ..36..... .7..9.2.. .5...7... ....457.. ...1...3. ..1....68 ..85...1. .9....4..
  GRID
  "seventeen" => <<~GRID,
    000000010 400000000 020000000 000050407 008000300 001090000 300400200 050100000 000806000
  GRID
  "empty" => "." * 81,
  "impossible" => "55#{"." * 79}",
  "short" => "123",
}.freeze

PUZZLES.each do |name, text|
  sudoku = Sudoku.new(text)
  found = sudoku.solutions(2)
  raise "wrong" unless found.all? { |solution| valid?(solution) }

  puts format("%-11s %2d clues: %s", name, sudoku.clues, found.size == 1 ? found.first : "several solutions")
rescue Sudoku::Contradiction, ArgumentError => error
  puts format("%-11s %s", name, error.message)
end
