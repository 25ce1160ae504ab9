@ASK@
console.log("attempt", told);
