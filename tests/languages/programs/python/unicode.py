print("Grüße ∑ 日本語 🚀")
print(input())
