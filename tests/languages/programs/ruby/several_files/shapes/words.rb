module Words
  def self.greeting
    "Hello from below"
  end
end
