setTimeout(() => console.log("late"), 100_000);
